/**
 * The life of a delivery, as a list of verbs: prepare → execute → judge → settle → report.
 * Never throws: it is called from the channel's callback.
 */
import {
  type AttemptFacts,
  CeleriacError,
  type Delivery,
  type DeliveryCount,
  deliveryCount,
  isReject,
  isRetry,
  type Logger,
  type Outcome,
  parseDuration,
  resultTarget,
  resultTargetOf,
  type Verdict,
} from '@celeriac/core';

import { Cancellation } from './cancellation.js';
import { type Gate, Passage } from './gate.js';
import { judge } from './judge.js';
import type { Pool } from './pool/pool.js';
import type { Report } from './report.js';
import type { ResultKeeper } from './results/result-keeper.js';
import { settle, type SettleParts } from './settle.js';
import type { Slots } from './slots.js';
import type { Suspects, Suspicion } from './suspects.js';
import type { Prepare, Prepared, Tried, Work } from './work.js';
import type { WorkHeld, WorkInHand } from './work-in-hand.js';

export interface DispatchParts extends SettleParts {
  readonly prepare: Prepare;
  /** Where handlers run. */
  readonly pool: Pool;
  readonly slots: Slots;
  /** Asked, in this order, before a handler runs. */
  readonly gates: readonly Gate[];
  readonly report: Report;
  /** What waits for its turn, and what runs. */
  readonly inHand: WorkInHand;
  /** Where results are kept; undefined where they are not. */
  readonly results?: ResultKeeper | undefined;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
  /** Deliveries of a message that nobody settles, after which it is dead-lettered; 0 is without limit. */
  readonly deliveryLimit: number;
  /** Messages that may end the process, by how often they were delivered: one at a time. Shared by all queues. */
  readonly suspects: Suspects;
}

/** What is due so soon is waited for here: through the delay queues it would come up to a second late. */
const longestWaitMs = 1_000;

export async function dispatch(delivery: Delivery, parts: DispatchParts): Promise<void> {
  const startedAt = parts.clock.monotonic();
  const deliveries = { ...deliveryCount(delivery), limit: parts.deliveryLimit };
  const suspicion = parts.suspects.take(deliveries);
  const preparing = beforehand(delivery, deliveries, suspicion) ?? parts.prepare(delivery);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  const subject = 'work' in prepared ? prepared.work : prepared;
  const { id, name } = subject;
  const pause = 'work' in prepared ? suspicion.pause(parts) : undefined;
  if (pause !== undefined) await pause; // nobody else waits a turn
  const passage = new Passage(parts.logger);
  const outcome =
    'work' in prepared ? await run(prepared.work, delivery, { parts, passage }) : prepared.outcome;
  const tried = 'work' in prepared ? prepared.work : prepared.tried;
  const attempt = tried === undefined ? undefined : attemptFacts(tried, outcome, parts);
  const wanted = judge(outcome, { live: delivery.live, attempt, deliveries });
  const keeping =
    parts.results === undefined ? true : keepResult(parts.results, { prepared, delivery, outcome, wanted });
  const isKept = keeping === true || (await keeping);
  const decided = isKept ? wanted : judge(outcome, { live: delivery.live, attempt, deliveries, isKept });
  if (passage.isHeld) await passage.ended({ outcome, verdict: decided });
  const verdict = await settle(decided, delivery, parts);
  passage.settled(verdict);
  suspicion.release();
  prepared.settled?.(verdict);
  const ms = parts.clock.monotonic() - startedAt;
  parts.report.settled({ subject, id, name, delivery, outcome, verdict, ms });
}

interface Ended {
  readonly prepared: Prepared;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly wanted: Verdict;
}

/** Who waits for the task is told how it ended, also where it never ran. */
function keepResult(
  results: ResultKeeper,
  { prepared, delivery, outcome, wanted: verdict }: Ended,
): true | Promise<boolean> {
  const message = 'work' in prepared ? prepared.work.message : prepared.message;
  const target = message === undefined ? resultTargetOf(delivery.properties) : resultTarget(message);
  return target === undefined ? true : results.ended({ target, delivery, outcome, verdict });
}

/** What ends a message before anything of it is read: reading it may be what ends the worker. */
function beforehand(
  { queue, headerError, properties }: Delivery,
  { before, kept, limit }: DeliveryCount & { readonly limit: number },
  { isCrowded }: Suspicion,
): Prepared | undefined {
  if (limit === 0 || headerError !== undefined) return undefined; // with unreadable headers it ends here anyway
  const ending = (outcome: Outcome): Prepared => {
    return { id: properties.messageId ?? properties.correlationId, name: undefined, outcome };
  };
  if (before > limit) return ending({ kind: 'overDelivered', error: overDelivered(queue, before) });
  if (!kept) return ending({ kind: 'uncounted', deliveries: before });
  // Beside another message that may end the process, it would be taken for the culprit.
  return isCrowded ? ending({ kind: 'suspected', deliveries: before }) : undefined;
}

interface Run {
  readonly parts: DispatchParts;
  readonly passage: Passage;
}

async function run(work: Work, delivery: Delivery, given: Run): Promise<Outcome> {
  const { clock, stopping, inHand, report } = given.parts;
  const { eta } = work;
  const early = eta === undefined || isExpired(work, clock.now()) ? 0 : eta - clock.now();
  if (eta !== undefined && early > longestWaitMs)
    return stopping.aborted ? { kind: 'notStarted' } : { kind: 'tooEarly', eta };
  const held = inHand.add(work, delivery);
  report.received(work, delivery);
  try {
    if (early > 0) await waitInHand(delivery, early, given.parts);
    return await runHeld(held, given);
  } finally {
    inHand.delete(held);
  }
}

/** When a slot is free. */
async function runHeld(held: WorkHeld, { parts, passage }: Run): Promise<Outcome> {
  const { clock, slots, inHand } = parts;
  const { work, delivery } = held;
  const slot = slots.take();
  if (slot !== undefined) await slot;
  const cancellation = new Cancellation();
  const forget = delivery.onLost(() => cancellation.cancel('lost', connectionLost(work)));
  try {
    const refused = await refusal(work, delivery, { parts, passage });
    if (refused !== undefined) return refused;
    const since = clock.now();
    inHand.begin(held, { since, cancellation });
    const lateMs = work.eta === undefined ? undefined : since - work.eta;
    if (work.message !== undefined) parts.results?.started(resultTarget(work.message), delivery);
    parts.report.started({ work, lateMs, delivery });
    return await parts.pool.run(work, { cancellation, delivery });
  } finally {
    forget();
    slots.release();
  }
}

/** Why work that has a slot does not start after all; undefined when it does. */
async function refusal(
  work: Work,
  delivery: Delivery,
  { parts, passage }: Run,
): Promise<Outcome | undefined> {
  const { clock, stopping, gates } = parts;
  const isOver = (): boolean => stopping.aborted || !delivery.live;
  if (isOver()) return { kind: 'notStarted' };
  if (isExpired(work, clock.now())) return { kind: 'expired', error: expired(work) };
  if (gates.length === 0) return undefined;
  const refused = await passage.through(gates, work, delivery);
  return refused ?? (isOver() ? { kind: 'notStarted' } : undefined); // a gate may have taken its time
}

const failures: ReadonlySet<Outcome['kind']> = new Set(['failed', 'timedOut', 'crashed', 'unfetched']);

/** What `judge` has to know of an attempt that failed; undefined of one that did not. */
function attemptFacts(
  work: Tried,
  outcome: Outcome,
  { clock, logger }: DispatchParts,
): AttemptFacts | undefined {
  const { kind } = outcome;
  if (!failures.has(kind)) return undefined;
  const { retries, policy, expires } = work;
  const wish = askHandler(work, 'error' in outcome ? outcome.error : undefined, logger);
  return { retries, policy, expires, wish, now: clock.now(), random: clock.random() };
}

/** What the handler's own `retryIf` says; undefined where it has none, or fails itself. */
function askHandler(work: Tried, failure: unknown, logger: Logger): boolean | number | undefined {
  if (isRetry(failure) || isReject(failure)) return undefined; // they say it themselves
  try {
    const wish = work.retryIf?.(failure, work.retries + 1);
    return wish === undefined || typeof wish === 'boolean' ? wish : parseDuration(wish) * 1000;
  } catch (error) {
    // The failure is judged by the policy alone: another attempt is the safer mistake.
    logger.error('retryIf failed, the retry policy decides alone', { name: work.name, id: work.id, error });
    return undefined;
  }
}

function isExpired({ expires }: Work, now: number): boolean {
  return expires !== undefined && expires <= now;
}

/** Sleeps until it is time, the worker stops, or the message is no longer ours. */
async function waitInHand(delivery: Delivery, ms: number, { clock, stopping }: DispatchParts): Promise<void> {
  const woken = new AbortController();
  const wake = (): void => woken.abort();
  const forget = delivery.onLost(wake);
  stopping.addEventListener('abort', wake, { once: true });
  if (stopping.aborted) wake();
  await clock.sleep(ms, woken.signal);
  stopping.removeEventListener('abort', wake);
  forget();
}

function overDelivered(queue: string, deliveries: number): CeleriacError {
  return new CeleriacError('ERR_DELIVERY_LIMIT', {
    message: `It was delivered ${deliveries} times from '${queue}', and no worker came to an end with it.`,
    hint: 'It seems to end the process that runs it: look for crashes, memory and long pauses before you send it again.',
    values: { queue, deliveries },
  });
}

function expired(work: Work): CeleriacError {
  const at = new Date(work.expires ?? 0).toISOString();
  return new CeleriacError('ERR_MESSAGE_EXPIRED', {
    message: `'${work.name}' expired at ${at}, before it was started.`,
    hint: 'Send it with a longer expiry, or run more workers.',
    values: { id: work.id, name: work.name, expires: at },
  });
}

function connectionLost(work: Work): CeleriacError {
  return new CeleriacError('ERR_CONNECTION_LOST', {
    message: `The connection that delivered '${work.name}' was lost while it ran; it will be delivered again.`,
    hint: 'Stop, or finish and expect a second run: make the handler safe to repeat.',
    values: { id: work.id, name: work.name },
  });
}
