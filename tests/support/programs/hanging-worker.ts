/** A worker process whose task `hang` says its fencing number and never ends. Arguments: connection string, Redis. */
import { createLogger, createWorker, currentTask } from '@celeriac/worker';

import { chosenIo } from '../chosen-io.js';

const [, , url = '', redis = ''] = process.argv;
const worker = createWorker({
  config: {
    events: { connection_string: url },
    key_store: { connection_string: redis, lease: 2 },
  },
  env: chosenIo,
  logger: createLogger({ level: 'warn' }),
});
worker.task(
  'hang',
  async () => {
    console.log(`BEGAN ${String(currentTask()?.fencing)}`);
    await new Promise(() => undefined);
  },
  { idempotency: {} },
);
worker.on('ready', () => console.log('READY'));
await worker.run();
