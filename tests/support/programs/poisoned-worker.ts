/**
 * A worker process for tests: its task `poison` ends the process without a word, `good` says that it ran. Arguments:
 * connection string, queue type, delivery limit.
 */
import { createLogger, createWorker } from '@celeriac/worker';

const [url = '', type = 'quorum', limit = '20'] = process.argv.slice(2);
const worker = createWorker({
  config: {
    events: { connection_string: url },
    tasks: { default_queue: 'q', queue_type: type as 'quorum', delayed_delivery_ahead: false },
    task_handler: { delivery_limit: Number(limit), concurrency: 2 },
  },
  env: {},
  logger: createLogger({ level: 'info', format: 'json' }),
});
worker.task('poison', () => {
  console.log('POISONED');
  process.abort();
});
worker.task('good', (id: string) => console.log(`GOOD ${id}`));
worker.on('ready', () => console.log('READY'));
await worker.run();
