/**
 * One run of one piece of work: waits for its time, a slot and its gates, runs it, and ends as an Outcome. What the
 * loss of the delivery means for it is decided here. Settles nothing.
 */
import { CeleriacError, type Delivery, isRepeated, type Outcome, resultTarget } from '@celeriac/core';

import { Cancellation } from './cancellation.js';
import type { DispatchParts } from './dispatch-parts.js';
import { execute, fenced } from './execute.js';
import type { Passage } from './gate.js';
import type { LostRun } from './lost-runs.js';
import type { Work } from './work.js';
import type { WorkHeld } from './work-in-hand.js';

export interface Run {
  readonly parts: DispatchParts;
  readonly passage: Passage;
}

/** What is due so soon is waited for here: through the delay queues it would come up to a second late. */
const longestWaitMs = 1_000;

export async function runWork(work: Work, delivery: Delivery, run: Run): Promise<Outcome> {
  const { clock, stopping, inHand, report } = run.parts;
  const { eta } = work;
  const early = eta === undefined || isExpired(work, clock.now()) ? 0 : eta - clock.now();
  if (eta !== undefined && early > longestWaitMs)
    return stopping.aborted ? { kind: 'notStarted' } : { kind: 'tooEarly', eta };
  const held = inHand.add(work, delivery);
  report.received(work, delivery);
  try {
    if (early > 0) await waitInHand(delivery, (woken) => clock.sleep(early, woken), run.parts);
    const earlier = earlierRun(held, run);
    const taken = earlier === undefined ? undefined : await takenOver(earlier, held, run);
    return taken ?? (await runInSlot(held, run));
  } finally {
    inHand.delete(held);
  }
}

/** A run of the same message, whose delivery was lost, that goes on here. */
function earlierRun({ work, delivery }: WorkHeld, { parts }: Run): LostRun | undefined {
  return isRepeated(delivery) ? parts.lostRuns.of(delivery.queue, work.id) : undefined;
}

/** When a slot is free. Batches have one of their own. */
function runInSlot(held: WorkHeld, run: Run): Promise<Outcome> {
  const { slots } = run.parts;
  if (held.work.isBatched === true) return started(held, run);
  const slot = slots.take();
  return slot === undefined ? started(held, run) : slot.then(() => started(held, run));
}

/** Runs it, in a slot that was taken for it, or among others of a batch. */
async function started(held: WorkHeld, run: Run): Promise<Outcome> {
  const { clock, report, lostRuns, slots } = run.parts;
  const { work, delivery } = held;
  const { id, name } = work;
  const cancellation = new Cancellation();
  const beganAt = clock.monotonic();
  const lost: { ended?: (outcome: Outcome) => void } = {};
  const forget = delivery.onLost((loss) => {
    const isToldToStop = work.onLost !== 'finish';
    lost.ended = lostRuns.add({ queue: delivery.queue, id, isToldToStop });
    report.lost({ id, name, delivery, loss, onLost: work.onLost, ms: clock.monotonic() - beganAt });
    if (isToldToStop) cancellation.cancel('lost', deliveryLost(work, loss.text));
  });
  let outcome: Outcome = { kind: 'notStarted' };
  try {
    const asked = refusal(held, run);
    const refused = asked instanceof Promise ? await asked : asked;
    outcome = refused ?? (await running(held, cancellation, run));
    return outcome;
  } finally {
    forget();
    lost.ended?.(outcome);
    if (work.isBatched !== true) slots.release();
  }
}

/** Nothing stands in its way any more. */
function running(held: WorkHeld, cancellation: Cancellation, { parts, passage }: Run): Promise<Outcome> {
  const { clock, inHand, results, report, pool } = parts;
  const { work, delivery } = held;
  const { eta, message } = work;
  const since = clock.now();
  inHand.begin(held, { since, cancellation });
  const lateMs = eta === undefined ? undefined : since - eta;
  if (message !== undefined) results?.started(resultTarget(message), delivery);
  report.started({ work, lateMs, delivery });
  const { fencing } = passage;
  // A batch is handled here, whatever pool there is for single messages.
  return work.isBatched === true
    ? execute(fenced(work, fencing), cancellation, parts)
    : pool.run(work, { cancellation, delivery, fencing });
}

/** Why work that has a slot does not start after all; undefined when it does. A promise only where a gate asks elsewhere. */
function refusal(
  { work, delivery }: WorkHeld,
  { parts, passage }: Run,
): Outcome | undefined | Promise<Outcome | undefined> {
  const { clock, stopping, gates } = parts;
  const isOver = (): boolean => stopping.aborted || !delivery.live;
  if (isOver()) return { kind: 'notStarted' };
  if (isExpired(work, clock.now())) return { kind: 'expired', error: expired(work) };
  if (gates.every(({ isIdle }) => isIdle === true)) return undefined;
  const asked = passage.through(gates, work, delivery);
  if (!(asked instanceof Promise)) return asked;
  // It may have taken its time.
  return asked.then((refused) => refused ?? (isOver() ? { kind: 'notStarted' } : undefined));
}

/**
 * How a run of the same message ends that lost its delivery and goes on here; undefined where it has to run anew, as
 * after one that was told to stop: it may have returned early, or without what it was refused to send.
 */
async function takenOver(
  run: LostRun,
  { work, delivery }: WorkHeld,
  { parts }: Run,
): Promise<Outcome | undefined> {
  const { logger, stopping } = parts;
  const { id, name } = work;
  logger.info('it still runs here, from a delivery that was lost: waiting for its end', { name, id });
  const outcome = await waitInHand(delivery, () => run.ended, parts);
  if (outcome === undefined) return stopping.aborted || !delivery.live ? { kind: 'notStarted' } : undefined;
  const isDone = !run.isToldToStop && outcome.kind !== 'aborted' && outcome.kind !== 'notStarted';
  return isDone ? outcome : undefined;
}

/** Until it happens, the worker stops, or the message is no longer ours: undefined then. */
async function waitInHand<T>(
  delivery: Delivery,
  happening: (woken: AbortSignal) => Promise<T>,
  { stopping }: DispatchParts,
): Promise<T | undefined> {
  const woken = new AbortController();
  const wake = (): void => woken.abort();
  const gone = new Promise<undefined>((resolve) => {
    woken.signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const forget = delivery.onLost(wake);
  stopping.addEventListener('abort', wake, { once: true });
  if (stopping.aborted) wake();
  try {
    return await Promise.race([happening(woken.signal), gone]);
  } finally {
    stopping.removeEventListener('abort', wake);
    forget();
  }
}

function isExpired({ expires }: Work, now: number): boolean {
  return expires !== undefined && expires <= now;
}

function expired(work: Work): CeleriacError {
  const at = new Date(work.expires ?? 0).toISOString();
  return new CeleriacError('ERR_MESSAGE_EXPIRED', {
    message: `'${work.name}' expired at ${at}, before it was started.`,
    hint: 'Send it with a longer expiry, or run more workers.',
    values: { id: work.id, name: work.name, expires: at },
  });
}

function deliveryLost({ id, name }: Work, why: string): CeleriacError {
  return new CeleriacError('ERR_DELIVERY_LOST', {
    message: `The delivery of '${name}' was lost while it ran (${why}); the broker delivers it again.`,
    hint: "Stop: what this run does is done again. Where it should go to its end all the same, set onLost: 'finish'.",
    values: { id, name, why },
  });
}
