/**
 * A small worker process. Usage: node worker.js <amqp url> <grace seconds> <concurrency>. Says what it does on
 * standard output, a line each. Tasks: `quick`; `slow` (arguments: milliseconds); `heeding`, which ends with its
 * signal; `deaf`, which never ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { createLogger } from '@celeriac/core';
import { createWorker, currentTask } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [url = '', grace = '5', concurrency = '1'] = process.argv.slice(2);
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const worker = createWorker({
  env: chosenIo,
  logger: createLogger({ level: 'debug', format: 'json', write }),
  config: {
    events: { connection_string: url },
    tasks: { default_queue: 'q', queue_type: 'classic' },
    task_handler: { concurrency: Number(concurrency), prefetch_count: 5, shutdown_grace: Number(grace) },
  },
});
worker.on('ready', () => write('READY'));
worker.task('quick', () => write(`QUICK ${currentTask()?.redelivered}`));
worker.task('slow', async (ms: number) => {
  write('SLOW started');
  await sleep(ms);
  write('SLOW done');
});
worker.task('heeding', async () => {
  const signal = currentTask()!.signal;
  write('HEEDING started');
  await new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      write(`HEEDING told ${(signal.reason as { code?: string }).code}`);
      reject(signal.reason as Error);
    });
  });
});
worker.task('deaf', async () => {
  write('DEAF started');
  await new Promise(() => setInterval(() => undefined, 1_000));
});
await worker.run();
