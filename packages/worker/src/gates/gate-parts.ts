/** What the gates of a worker are made from. Types only. */
import type { BrokerAccess, Clock, Config, KeyStoreSource, Logger, Tell } from '@celeriac/core';

import type { Revocations } from '../control/revocations.js';
import type { ToldLimits } from '../control/told-limits.js';
import type { Application } from '../event-handler/application.js';
import type { TaskHandlers } from '../handlers.js';
import type { WorkerEvents } from '../worker-events.js';

export interface GateParts {
  readonly config: Config;
  readonly revocations: Revocations;
  readonly told: ToldLimits;
  readonly tasks: TaskHandlers;
  readonly applications: readonly Application[];
  readonly keyStore: KeyStoreSource;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<WorkerEvents>;
  /** Of the stores that gates connect to. */
  readonly tls?: BrokerAccess['tls'];
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
}
