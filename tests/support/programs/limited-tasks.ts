/** Tasks with limits per key, for every kind of pool. The key is made in the worker, whatever runs the handler. */
import { setTimeout as sleep } from 'node:timers/promises';

import { defineTask, type Worker } from '@celeriac/worker';

export const crawl = defineTask({
  name: 'crawl',
  input: {
    type: 'object',
    properties: { host: { type: 'string' } },
    required: ['host'],
    additionalProperties: false,
  },
  concurrency: { max: 1, key: ({ host }) => host },
});

export function register(worker: Worker): void {
  worker.task(crawl, async ({ host }, context) => {
    context.progress(`begin ${host}`);
    await sleep(300);
    context.progress(`end ${host}`);
  });
  worker.task('limited', () => undefined, { rateLimit: { limit: 1, per: '1h', key: '0' } });
}
