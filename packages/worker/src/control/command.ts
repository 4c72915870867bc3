/** What a command of remote control is given, and how it answers. */
import type { Clock, Config, ControlRequest, Logger, RemoteControlLevel } from '@celeriac/core';

import type { Capsule } from '../capsule.js';
import type { TaskGroup } from '../capsule-plan.js';
import type { Pauses } from '../event-handler/pauses.js';
import type { TaskHandlers } from '../handlers.js';
import type { PoolStats } from '../pool/pool.js';
import type { TaskQueues } from '../task-queues.js';
import type { WorkInHand } from '../work-in-hand.js';
import { pythonError } from './control-error.js';
import type { LogicalClock } from './logical-clock.js';
import type { Revocations } from './revocations.js';
import type { ToldLimits } from './told-limits.js';

/** What commands see of the worker, and can do to it. */
export interface ControlledWorker {
  readonly node: string;
  readonly config: Config;
  readonly tasks: TaskHandlers;
  readonly inHand: WorkInHand;
  readonly revocations: Revocations;
  readonly told: ToldLimits;
  readonly groups: readonly TaskGroup[];
  readonly pools: () => readonly PoolStats[];
  readonly queues: TaskQueues;
  /** The applications it handles the events of, by name. */
  readonly applications: ReadonlyMap<string, Capsule>;
  readonly pauses: Pauses;
  /** Stops it, as a first signal does. */
  readonly shutdown: () => void;
  readonly lamport: LogicalClock;
  readonly clock: Clock;
  readonly logger: Logger;
  /** When it started, by the monotonic clock. */
  readonly startedAt: number;
  /** Absent: this worker has no such thing, and says so. */
  readonly ports: ControlPorts;
}

/** Parts of a worker that may not be there. Each answers with Celery's own text. */
export interface ControlPorts {
  /** True: they are sent from now on; false: they were already. */
  readonly enableEvents?: () => boolean;
  readonly disableEvents?: () => boolean;
  readonly heartbeat?: () => void;
}

export type CommandArguments = ControlRequest['args'];

/** A map, as most answers are. */
export type Answer = Readonly<Record<string, unknown>>;

/** The answer is the reply's value. A throw is answered as `{ error }`. */
export type Run = (worker: ControlledWorker, args: CommandArguments) => unknown;

export interface Command {
  /** The least `task_handler.remote_control` that allows it. */
  readonly level: Exclude<RemoteControlLevel, 'off'>;
  readonly run: Run;
}

export type Commands = Readonly<Record<string, Command>>;

/** A text argument. Throws what Python would. */
export function textArgument(args: CommandArguments, name: string): string {
  const value = args[name];
  if (typeof value === 'string' && value !== '' && value.length <= 255) return value;
  throw pythonError('TypeError', `'${name}' has to be a name`);
}

export function ok(text: string): { readonly ok: string } {
  return { ok: text };
}
