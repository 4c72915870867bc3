/** The gates that the limits of the registered tasks need, and their stores. Limits nothing itself. */
import { type Limits, type LimitScope, type LimitStore, openLimitStore, serviceName } from '@celeriac/core';

import type { Gate } from '../../gate.js';
import { ConcurrencyGate } from '../concurrency.js';
import { KillSwitchGate } from '../kill-switch.js';
import type { GateParts } from '../gate-parts.js';
import { RateLimitGate } from '../rate-limit.js';
import { type Lanes, MemoryLanes } from './lanes.js';
import { MemorySeats, type Seats } from './seats.js';
import { SharedLanes, SharedSeats } from './shared.js';
import { TaskLimits } from './task-limits.js';

export interface LimitGates {
  /** Asked first: they give back what they hold when another one refuses. */
  readonly holding: readonly Gate[];
  /** Asked when nothing else refuses the work any more: they count a start. */
  readonly counting: readonly Gate[];
  /** Never rejects. */
  close(): Promise<void>;
}

interface Stores {
  readonly lanes: Readonly<Record<LimitScope, Lanes>>;
  readonly seats: Readonly<Record<LimitScope, Seats>>;
}

/** Rejects with ERR_REDIS_CLIENT when a limit is global and the package that it needs is missing. */
export async function openLimits(parts: GateParts): Promise<LimitGates> {
  const limits = new TaskLimits(parts);
  const { all } = limits;
  const store = all.some(isGlobal) ? await openStore(parts) : undefined;
  const { lanes, seats } = storesOver(store, parts);
  const { clock, logger } = parts;
  const holding: Gate[] = [];
  const has = (name: keyof Limits): boolean => all.some((one) => one[name] !== undefined);
  if (has('killSwitch')) holding.push(new KillSwitchGate({ ...parts, limits }));
  if (has('concurrency')) holding.push(new ConcurrencyGate({ limits, seats, clock, logger }));
  const { told } = parts;
  const counting = new RateLimitGate({ limits, lanes, clock, logger, told, hasOwn: has('rate') });
  return { holding, counting: [counting], close: async () => store?.close() };
}

function isGlobal({ rate, concurrency }: Limits): boolean {
  return rate?.scope === 'global' || concurrency?.scope === 'global';
}

async function openStore({ config, logger, tls }: GateParts): Promise<LimitStore | undefined> {
  const name = `${serviceName(config)} limits`;
  const store = await openLimitStore({ config: config.key_store, name, logger, tls });
  if (store === undefined) {
    logger.warn('limits with the scope global count in this worker alone', {
      hint: 'set key_store.connection_string to redis://… to share them',
    });
  }
  return store;
}

function storesOver(store: LimitStore | undefined, { config, clock, logger }: GateParts): Stores {
  const own = { lanes: new MemoryLanes(clock, logger), seats: new MemorySeats() };
  const { when_unavailable: whenUnavailable, lease } = config.key_store;
  const shared = store && { store, own, whenUnavailable, leaseMs: lease * 1000, clock, logger };
  return {
    lanes: { worker: own.lanes, global: shared === undefined ? own.lanes : new SharedLanes(shared) },
    seats: { worker: own.seats, global: shared === undefined ? own.seats : new SharedSeats(shared) },
  };
}
