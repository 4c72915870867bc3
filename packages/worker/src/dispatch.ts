/**
 * The life of a delivery, as a list of verbs: prepare → wait for its time → execute → judge → settle → report.
 * Never throws: it is called from the channel's callback.
 */
import { CeleriacError, type Delivery, type Outcome } from '@celeriac/core';

import { Cancellation } from './cancellation.js';
import { execute, type ExecuteParts } from './execute.js';
import { judge } from './judge.js';
import type { Report } from './report.js';
import { settle, type SettleParts } from './settle.js';
import type { Slots } from './slots.js';
import type { Prepare, Work } from './work.js';

export interface DispatchParts extends ExecuteParts, SettleParts {
  readonly prepare: Prepare;
  readonly slots: Slots;
  readonly report: Report;
  /** Handlers that run right now. */
  readonly running: Set<Cancellation>;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
}

/**
 * How long a message with a future eta is kept in hand. Half of RabbitMQ's default `consumer_timeout` of 30
 * minutes, after which the channel would be closed; then it goes back to the queue and comes again.
 */
const longestWaitMs = 15 * 60_000;

export async function dispatch(delivery: Delivery, parts: DispatchParts): Promise<void> {
  const startedAt = parts.clock.monotonic();
  const preparing = parts.prepare(delivery);
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  const { id, name } = 'work' in prepared ? prepared.work : prepared;
  const outcome = 'work' in prepared ? await run(prepared.work, delivery, parts) : prepared.outcome;
  const verdict = judge(outcome, delivery);
  await settle(verdict, delivery, parts);
  parts.report.settled({ id, name, delivery, outcome, verdict, ms: parts.clock.monotonic() - startedAt });
}

async function run(work: Work, delivery: Delivery, parts: DispatchParts): Promise<Outcome> {
  const { clock, stopping, slots, running } = parts;
  const early = work.eta === undefined ? 0 : work.eta - clock.now();
  if (early > longestWaitMs) {
    // It returns to the queue after the longest wait, not at once: at once it would come straight back.
    await waitInHand(delivery, longestWaitMs, parts);
    return stopping.aborted ? { kind: 'notStarted' } : { kind: 'tooEarly' };
  }
  if (early > 0) await waitInHand(delivery, early, parts);
  const slot = slots.take();
  if (slot !== undefined) await slot;
  const cancellation = new Cancellation();
  const forget = delivery.onLost(() => cancellation.cancel('lost', connectionLost(work)));
  try {
    if (stopping.aborted || !delivery.live) return { kind: 'notStarted' };
    if (work.expires !== undefined && work.expires <= clock.now())
      return { kind: 'expired', error: expired(work) };
    running.add(cancellation);
    parts.report.started({ id: work.id, name: work.name, delivery });
    return await execute(work, cancellation, parts);
  } finally {
    running.delete(cancellation);
    forget();
    slots.release();
  }
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
