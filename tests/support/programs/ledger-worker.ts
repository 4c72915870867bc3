/**
 * A worker process for tests: runs `chaos.work`, which takes a few milliseconds and appends its id to a file when
 * it has ended; `chaos.fail` always fails. Arguments: connection string, queue, file.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { createLogger, createWorker, currentTask } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [, , url = '', queue = '', file = ''] = process.argv;
const worker = createWorker({
  config: {
    events: { connection_string: url, consumer_heartbeat: 5, reconnect_max_delay: 2 },
    tasks: { default_queue: queue },
    task_handler: { concurrency: 8, shutdown_grace: 5 },
  },
  env: chosenIo,
  logger: createLogger({ level: 'warn' }),
});
worker.task('chaos.work', async (ms: number) => {
  await sleep(ms);
  // One small write in append mode: it is there whole or not at all, also when the process is killed.
  appendFileSync(file, `${currentTask()?.id ?? ''}\n`);
});
worker.task('chaos.fail', () => {
  throw new Error('as it should');
});
worker.on('ready', () => console.log('ready'));
await worker.run();
