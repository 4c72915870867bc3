/** The gates of a worker, in the order in which they are asked, and what they hold open. Decides nothing. */
import type { BrokerAccess, Clock, Config, Logger, Tell } from '@celeriac/core';

import type { Revocations } from '../control/revocations.js';
import type { Gate } from '../gate.js';
import type { TaskHandlers } from '../handlers.js';
import type { WorkerEvents } from '../worker-events.js';
import { openLimits } from './limits/open-limits.js';
import { openLoopLag } from './loop-lag.js';
import { RevokedGate } from './revoked-gate.js';

export interface GateParts {
  readonly config: Config;
  readonly revocations: Revocations;
  readonly tasks: TaskHandlers;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<WorkerEvents>;
  /** Of the stores that gates connect to. */
  readonly tls?: BrokerAccess['tls'];
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
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
export async function openGates(parts: GateParts): Promise<Gates> {
  const limits = await openLimits(parts);
  const loopLag = openLoopLag(parts);
  const first = loopLag?.holds === true ? [loopLag] : [];
  return {
    tasks: [new RevokedGate(parts.revocations), ...first, ...limits.gates],
    events: first,
    close: async () => {
      loopLag?.close();
      await limits.close();
    },
  };
}
