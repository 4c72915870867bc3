/** From the configuration to what keeps the results of a worker. Decides nothing. */
import {
  type BrokerAccess,
  type Clock,
  type Config,
  type Logger,
  type MessageSink,
  openResultWriter,
} from '@celeriac/core';

import type { TaskHandlers } from '../handlers.js';
import { ResultKeeper } from './result-keeper.js';

export interface ResultsParts {
  readonly config: Config;
  readonly tasks: TaskHandlers;
  readonly access: BrokerAccess;
  readonly sink: MessageSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly halted: AbortSignal;
  readonly worker: string;
}

/** Undefined without a `tasks.result_backend`. Rejects with ERR_REDIS_CLIENT. */
export async function openResults(parts: ResultsParts): Promise<ResultKeeper | undefined> {
  const { config, access, sink, logger, clock, worker } = parts;
  const writer = await openResultWriter({ config, sink, logger, clock, tls: access.tls, worker });
  return writer === undefined ? undefined : new ResultKeeper({ ...parts, writer, config: config.tasks });
}
