/**
 * A worker process with health endpoints on a free port. Usage: node ops-worker.js <amqp url> <options as JSON>, options
 * being a configuration. Says what it does on standard output. Tasks: `held`, which ends when the file it is given
 * exists; `busy`, which blocks the event loop until then; `quick`; `stray`, `timer` and `listener`, whose errors nobody
 * catches.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { type ConfigInput, createLogger } from '@celeriac/core';
import { createWorker, currentTask } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [url = '', options = '{}'] = process.argv.slice(2);
const config = JSON.parse(options) as ConfigInput;
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const worker = createWorker({
  env: chosenIo,
  logger: createLogger({ level: 'debug', format: 'json', write }),
  config: {
    ...config,
    events: { connection_string: url, reconnect_max_delay: '1s' },
    http: { port: 0, ...config.http },
  },
});
worker.on('ready', ({ http }) => write(`READY ${http}`));
worker.on('quiet', () => write('QUIET'));
worker.on('resumed', () => write('RESUMED'));
worker.on('settled', ({ id, outcome }) => write(`SETTLED ${outcome.kind} ${id}`));
worker.on('started', () => {
  throw new Error('a listener threw');
});
worker.task('quick', () => write('QUICK'));
worker.task('held', async (file: string) => {
  write(`HELD started ${currentTask()?.id}`);
  while (!existsSync(file)) await sleep(20);
  write('HELD done');
});
worker.task('busy', (file: string) => {
  process.stdout.write('BUSY started\n');
  while (!existsSync(file));
});
worker.task('stray', () => {
  void sleep(20).then(() => {
    throw new Error('stray rejection');
  });
});
worker.task('timer', () => {
  setTimeout(() => {
    throw new Error('thrown in a timer');
  }, 20);
});
await worker.run();
