/** The gates of a worker, in the order in which they are asked, and what they hold open. Decides nothing. */
import type { Clock, Config, Logger, Tell } from '@celeriac/core';

import type { Revocations } from '../control/revocations.js';
import type { Gate } from '../gate.js';
import type { TaskHandlers } from '../handlers.js';
import type { WorkerEvents } from '../worker-events.js';
import { RevokedGate } from './revoked-gate.js';

export interface GateParts {
  readonly config: Config;
  readonly revocations: Revocations;
  readonly tasks: TaskHandlers;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<WorkerEvents>;
}

export interface Gates {
  /** Of tasks. */
  readonly tasks: readonly Gate[];
  /** Of events, one list for all applications. */
  readonly events: readonly Gate[];
  /** Never rejects. */
  close(): Promise<void>;
}

/** Rejects when a store that a gate cannot do without cannot be opened. */
export function openGates({ revocations }: GateParts): Promise<Gates> {
  return Promise.resolve({
    tasks: [new RevokedGate(revocations)],
    events: [],
    close: () => Promise.resolve(),
  });
}
