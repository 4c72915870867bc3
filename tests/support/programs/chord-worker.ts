/**
 * A worker process whose tasks are a chord's: `part` gives its number, `body` their sum. Appends a line per run to a
 * file. With a number it kills itself once so many deliveries are settled, before the last acknowledgement is written.
 * Arguments: connection string, result backend, file, number.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { createLogger, createWorker } from '@celeriac/worker';

const [url = '', backend = '', file = '', most = '0'] = process.argv.slice(2);
const worker = createWorker({
  config: {
    events: { connection_string: url },
    tasks: { default_queue: 'q', result_backend: backend },
    task_handler: { concurrency: 4, io: 'inline' },
  },
  env: {},
  logger: createLogger({ level: 'warn' }),
});
worker.task('part', async (number: number) => {
  appendFileSync(file, `part ${number}\n`);
  await sleep(20); // work
  return number;
});
worker.task('body', (numbers: number[]) => {
  const sum = numbers.reduce((total, one) => total + one, 0);
  appendFileSync(file, `body ${numbers.length} ${sum}\n`);
  return sum;
});
let settled = 0;
worker.on('settled', () => {
  if (++settled === Number(most)) process.kill(process.pid, 'SIGKILL');
});
worker.on('ready', () => console.log('ready'));
await worker.run();
