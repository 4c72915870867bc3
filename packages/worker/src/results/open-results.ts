/** From the configuration to what keeps the results of a worker. Decides nothing. */
import {
  type BrokerAccess,
  type Clock,
  type Config,
  type Logger,
  type MessageSink,
  openResultWriter,
  type ResultWriter,
} from '@celeriac/core';

import type { TaskHandlers } from '../handlers.js';
import { workerName } from '../open-capsule.js';
import { wrongState } from '../worker-state.js';
import { ResultKeeper } from './result-keeper.js';

export interface ResultsParts {
  readonly config: Config;
  readonly tasks: TaskHandlers;
  /** Default: as configured. */
  readonly writer?: ResultWriter | undefined;
  readonly access: BrokerAccess;
  readonly sink: MessageSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly halted: AbortSignal;
  /** Fires when the worker is stopped. */
  readonly stopping: AbortSignal;
}

/** Undefined without a `tasks.result_backend`. Rejects with ERR_REDIS_CLIENT, or ERR_WORKER_STATE when stopped meanwhile. */
export async function openResults(parts: ResultsParts): Promise<ResultKeeper | undefined> {
  const { config, access, sink, logger, clock, stopping } = parts;
  const worker = workerName();
  const writer =
    parts.writer ?? (await openResultWriter({ config, sink, logger, clock, tls: access.tls, worker }));
  if (writer === undefined) return undefined;
  if (stopping.aborted) {
    await writer.close(); // there was nothing to close when it was stopped
    throw wrongState('start', 'it was stopped');
  }
  return new ResultKeeper({ ...parts, writer, worker, config: config.tasks });
}
