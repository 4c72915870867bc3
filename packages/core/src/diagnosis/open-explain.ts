/** `explain` with connections of its own, which it closes. */
import { randomUUID } from 'node:crypto';

import { brokerAccess, openPublishing } from '../broker.js';
import { systemClock } from '../clock.js';
import { parseDuration } from '../config/duration.js';
import { loadConfig } from '../config/load.js';
import { openRemoteControl, type OpenRemoteControlOptions } from '../control/open.js';
import { openDeadLetters } from '../dead-letters/dead-letters.js';
import { guarded, silentLogger } from '../logger.js';
import { openQueues } from '../queues/queues.js';
import { openResultStore } from '../results/open.js';
import type { ResultStore } from '../results/result-store.js';
import type { DiagnoseOptions } from './doctor.js';
import { explain, type Explanation } from './explain.js';

export interface ExplainOptions extends DiagnoseOptions {
  /**
   * So many messages of each queue are taken in hand to look for it, and given back: workers do without them meanwhile,
   * and to the broker they have been delivered. Default 0: none.
   */
  readonly search?: number;
}

/** Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad configuration; what cannot be asked is told. */
export async function explainTask(id: string, options: ExplainOptions = {}): Promise<Explanation> {
  const { config = {}, env, overrides, clock = systemClock, timeout = 10, workers = 1, search = 0 } = options;
  const logger = options.logger ?? silentLogger;
  const common: OpenRemoteControlOptions = {
    ...{ config, logger, clock },
    ...(env === undefined ? {} : { env }),
    ...(overrides === undefined ? {} : { overrides }),
  };
  await using control = await openRemoteControl(common);
  await using deadLetters = await openDeadLetters({ ...common, timeout });
  await using queues = await openQueues({ ...common, timeout });
  await using results = await openResults(options);
  const parts = { control, deadLetters, queues, search, workers: parseDuration(workers) };
  return await explain(id, { ...parts, results: results.store });
}

interface OpenedResults extends AsyncDisposable {
  readonly store: ResultStore | undefined;
}

/** Those of `rpc://` come to their sender only. */
async function openResults(options: ExplainOptions): Promise<OpenedResults> {
  const { config: source = {}, env, overrides, clock = systemClock } = options;
  const config = await loadConfig(source, { env, overrides });
  if (config.tasks.result_backend?.kind !== 'redis')
    return { store: undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
  const logger = guarded(options.logger ?? silentLogger);
  const broker = { config, logger, clock, access: await brokerAccess(config, logger) };
  const publishing = openPublishing(broker, 'tasks');
  const store = openResultStore({ ...broker, publishing, newId: randomUUID });
  const close = async (): Promise<void> => {
    await store?.close();
    const closed = publishing.sink.close();
    await publishing.session.close();
    await closed;
  };
  return { store, [Symbol.asyncDispose]: close };
}
