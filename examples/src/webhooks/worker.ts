/** Delivers events as webhooks: `WEBHOOKS=webhooks.json node dist/webhooks/worker.js`. Runs until SIGTERM or SIGINT. */
import { createLogger, createWorker } from '@celeriac/worker';

import { configFile } from '../contracts.js';
import { addWebhooks, readSubscriptions } from './subscriptions.js';

const worker = createWorker({ config: configFile, logger: createLogger() });
addWebhooks(worker, await readSubscriptions(process.env['WEBHOOKS'] ?? 'webhooks.json', process.env));
await worker.run();
