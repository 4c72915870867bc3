/**
 * A worker process for tests: its task `walk` goes from step to step, each in a run of its own, and appends a line per
 * run to a file: step, `again` when it was redelivered. It kills itself where it is told to: `in:2` in the middle of
 * step 2, `after:2` once the continuation after step 2 is confirmed, before its delivery is acknowledged. Arguments:
 * connection string, file, where.
 */
import { appendFileSync } from 'node:fs';

import { createLogger, createWorker, currentTask, type TaskContext } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [url = '', file = '', where = ''] = process.argv.slice(2);
const die = (): void => void process.kill(process.pid, 'SIGKILL');
const worker = createWorker({
  config: { events: { connection_string: url }, tasks: { default_queue: 'q' } },
  env: chosenIo,
  logger: createLogger({ level: 'warn' }),
});
worker.task('walk', (steps: number) => {
  const context = currentTask() as TaskContext<{ step: number }>;
  const step = context.checkpointState?.step ?? 0;
  appendFileSync(file, `${step}${context.redelivered ? ' again' : ''}\n`);
  if (where === `in:${step}`) die();
  if (step < steps) context.checkpoint({ step: step + 1 });
});
worker.on('settled', ({ outcome }) => {
  // The acknowledgement is written at the end of this turn of the event loop, which never comes.
  if (
    outcome.kind === 'checkpointed' &&
    where === `after:${(JSON.parse(outcome.state) as { step: number }).step - 1}`
  )
    die();
});
worker.on('ready', () => console.log('ready'));
await worker.run();
