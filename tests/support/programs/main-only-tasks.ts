/** A module that loads in the main thread of the tests only, and throws in any thread or process of a pool. */
import { isMainThread } from 'node:worker_threads';

import type { Worker } from '@celeriac/worker';

export function register(worker: Worker): void {
  if (!isMainThread || process.argv[1]?.includes('process-entry') === true) throw new Error('not in here');
  worker.task('anything', () => undefined);
}
