/**
 * A worker process with a pool. Usage: node pool-worker.js <amqp url> <pool> <grace seconds>. Writes its log lines to
 * standard output, as JSON, and `READY`; runs the tasks of pool-tasks.
 */
import { createLogger } from '@celeriac/core';
import { createWorker } from '@celeriac/worker';

const [url = '', pool = '', grace = '5'] = process.argv.slice(2);
const write = (line: string): void => void process.stdout.write(`${line}\n`);
const worker = createWorker({
  env: {},
  logger: createLogger({ level: 'debug', format: 'json', write }),
  handlers: new URL('./pool-tasks.js', import.meta.url),
  config: {
    events: { connection_string: url },
    task_handler: {
      pool: pool as 'threads' | 'processes',
      concurrency: 2,
      min_concurrency: 2,
      shutdown_grace: Number(grace),
    },
  },
});
worker.on('ready', () => write('READY'));
worker.on('progress', ({ name, value }) => write(`PROGRESS ${name} ${JSON.stringify(value)}`));
await worker.run();
