/**
 * A worker process for tests: its task `flaky` fails at its first attempt, and the process kills itself once the copy
 * for the second is confirmed, before the original is acknowledged. With `--live` it does not, and the second attempt
 * succeeds. Appends a line per run to a file: id, attempt, `again` when it was redelivered. Arguments: connection
 * string, file.
 */
import { appendFileSync } from 'node:fs';

import { createLogger, createWorker, currentTask, type TaskContext } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [url = '', file = '', mode] = process.argv.slice(2);
const worker = createWorker({
  config: { events: { connection_string: url }, tasks: { default_queue: 'q' } },
  env: chosenIo,
  logger: createLogger({ level: 'warn' }),
});
worker.task(
  'flaky',
  () => {
    const { id, attempt, redelivered } = currentTask() as TaskContext;
    appendFileSync(file, `${id} ${attempt}${redelivered ? ' again' : ''}\n`);
    if (attempt === 1) throw new Error('at first');
  },
  { retry: { max: 1, backoff: 'fixed', delay: '2s' } },
);
// The acknowledgement is written at the end of this turn of the event loop, which never comes.
if (mode !== '--live') worker.on('retried', () => process.kill(process.pid, 'SIGKILL'));
worker.on('ready', () => console.log('ready'));
await worker.run();
