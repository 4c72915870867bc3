/**
 * A worker process whose handlers block the event loop. Usage: node blocking-worker.js <amqp url> <configuration of
 * task_handler, JSON>. Heartbeats of 2 seconds. Says what it does on standard output, a line each; its log, JSON,
 * goes there as well. Tasks: `block` (milliseconds) computes that long; `block-later` awaits before it does; `quick`.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type ConfigInput, createLogger } from '@celeriac/core';
import { createWorker, currentTask } from '@celeriac/worker';

const [url = '', taskHandler = '{}'] = process.argv.slice(2);
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const worker = createWorker({
  env: {},
  logger: createLogger({ level: 'debug', format: 'json', write }),
  config: {
    events: { connection_string: url, consumer_heartbeat: 2, publisher_heartbeat: 2 },
    tasks: { default_queue: 'q', queue_type: 'classic' },
    task_handler: { shutdown_grace: 5, ...(JSON.parse(taskHandler) as ConfigInput['task_handler']) },
  },
});

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

worker.on('ready', () => write('READY'));
worker.on('lost', () => write('LOST'));
worker.on('restored', (generation) => write(`RESTORED ${generation}`));
worker.on('settled', ({ id, verdict, redelivered }) =>
  write(`SETTLED ${id} ${verdict.kind}${redelivered ? ' redelivered' : ''}`),
);
worker.on('loop-blocked', (blocked) => write(`BLOCKED ${JSON.stringify(blocked)}`));
worker.task('block', (ms: number) => {
  write(`BEGUN ${currentTask()?.id}`);
  block(ms);
});
worker.task('block-later', async (ms: number) => {
  await sleep(600);
  block(ms);
});
worker.task('quick', () => undefined);
await worker.run();
