/**
 * How a running worker stops, verb by verb: quiet, drain, abort, requeue, close. Each has a deadline, so that the whole
 * ends within the grace and a few seconds, whatever handlers and broker do. Acknowledges nothing: `settle` does.
 */
import { type Clock, type Logger, waitAtMost } from '@celeriac/core';

import type { Capsule } from './capsule.js';
import type { Pool } from './pool/pool.js';
import type { WorkInHand } from './work-in-hand.js';
import type { StopReport } from './worker-events.js';
import { stopping as stoppingError } from './worker-state.js';

/** How long the broker has to confirm that it sends no more. */
export const cancelMs = 2_000;
/** How long handlers have to heed their signal once the grace is over. */
const heedMs = 1_000;
/** How long threads and processes have to end. */
const poolMs = 4_000;
/** How long the broker has to confirm that channels are closed. */
const channelMs = 2_000;

export interface Stoppable {
  readonly capsules: readonly Capsule[];
  readonly pools: readonly Pool[];
  /** Handlers that run. */
  readonly handlers: Pick<WorkInHand, 'cancelAll'>;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortController;
  /** Fires when nothing may be waited for any longer. */
  readonly halted: AbortController;
  /** Closes connections and threads; has deadlines of its own. */
  readonly closeAll: () => Promise<unknown>;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Stops within the grace (milliseconds) and a few seconds. Never rejects. */
export async function stopAll(what: Stoppable, graceMs: number): Promise<StopReport> {
  const { logger } = what;
  await cancelConsumers(what);
  what.stopping.abort(); // what waits for a slot or its time goes back
  if (inHand(what) > 0) logger.info('draining', { inHand: inHand(what), grace: graceMs / 1000 });
  await drained(what, graceMs);
  const unfinished = inHand(what);
  await abortHandlers(what);
  await endPools(what);
  await requeueUnsettled(what);
  const left = inHand(what);
  await what.closeAll();
  if (left > 0) logger.warn('handlers left unfinished: their messages go back to the queue', { left });
  return { drained: unfinished === 0, unfinished: left };
}

function inHand({ capsules }: Pick<Stoppable, 'capsules'>): number {
  return capsules.reduce((sum, capsule) => sum + capsule.inHand, 0);
}

async function cancelConsumers({ capsules, clock }: Stoppable): Promise<void> {
  await waitAtMost(clock, cancelMs, Promise.all(capsules.map((capsule) => capsule.cancel())));
}

/** Resolves when nothing is in hand, or when its time is over. */
async function drained({ capsules, clock }: Stoppable, ms: number): Promise<void> {
  await waitAtMost(clock, ms, Promise.all(capsules.map((capsule) => capsule.idle())));
}

/** The signals of those that still run fire; one that throws then gives its message back. */
async function abortHandlers(what: Stoppable): Promise<void> {
  what.halted.abort();
  if (inHand(what) === 0) return;
  what.handlers.cancelAll('shutdown', stoppingError());
  await drained(what, heedMs);
}

/** What heeds nothing ends here, where it can be ended, and its message goes back at once. */
async function endPools(what: Stoppable): Promise<void> {
  const { pools, clock } = what;
  const hasChildren = pools.some((pool) => pool.stats().kind !== 'inline');
  await waitAtMost(clock, poolMs, Promise.all(pools.map((pool) => pool.close())));
  if (hasChildren && inHand(what) > 0) await drained(what, heedMs);
}

/** Writes what is acknowledged, then closes the channels: the broker has all else again. */
async function requeueUnsettled({ capsules, clock }: Stoppable): Promise<void> {
  for (const capsule of capsules) for (const consumer of capsule.consumers) consumer.flush();
  await waitAtMost(clock, channelMs, Promise.all(capsules.map((capsule) => capsule.close())));
}
