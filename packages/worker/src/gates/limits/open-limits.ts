/** The gates that the limits of the registered tasks need, and their stores. Limits nothing itself. */
import type { Gate } from '../../gate.js';
import { ConcurrencyGate } from '../concurrency.js';
import { KillSwitchGate } from '../kill-switch.js';
import type { GateParts } from '../open-gates.js';
import { RateLimitGate } from '../rate-limit.js';
import { MemoryLanes } from './lanes.js';
import { MemorySeats } from './seats.js';
import { TaskLimits } from './task-limits.js';

export interface LimitGates {
  /** In order: what costs nothing first; a start is counted last, when nothing else refuses it. */
  readonly gates: readonly Gate[];
  /** Never rejects. */
  close(): Promise<void>;
}

export function openLimits(parts: GateParts): Promise<LimitGates> {
  const { clock, logger } = parts;
  const limits = new TaskLimits(parts);
  const { all } = limits;
  const own = { lanes: new MemoryLanes(clock, logger), seats: new MemorySeats() };
  const lanes = { worker: own.lanes, global: own.lanes };
  const seats = { worker: own.seats, global: own.seats };
  const gates: Gate[] = [];
  if (all.some(({ killSwitch }) => killSwitch !== undefined))
    gates.push(new KillSwitchGate({ ...parts, limits }));
  if (all.some(({ concurrency }) => concurrency !== undefined))
    gates.push(new ConcurrencyGate({ limits, seats, clock, logger }));
  if (all.some(({ rate }) => rate !== undefined))
    gates.push(new RateLimitGate({ limits, lanes, clock, logger }));
  return Promise.resolve({ gates, close: () => Promise.resolve() });
}
