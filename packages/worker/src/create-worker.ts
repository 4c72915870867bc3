/** Makes workers: over a broker, or over what stands in for one in tests. Starts nothing. */
import type { KeyStoreSource, ResultWriter } from '@celeriac/core';

import { openWorkerSide } from './open-side.js';
import type { OpenSide } from './side.js';
import { Worker } from './worker.js';
import type { WorkerOptions } from './worker-options.js';

/** Creates a worker. Reads nothing and connects to nothing before `start` or `run`. */
export function createWorker(options: WorkerOptions = {}): Worker {
  return new Worker(options, { open: openWorkerSide, isSimulated: false });
}

/** As `createWorker`, over something else than a broker: all tasks inline, no signatures. For `@celeriac/testing`. @internal */
export function createWorkerOver(
  openOther: OpenSide,
  options: WorkerOptions & { readonly keyStore?: KeyStoreSource; readonly results?: ResultWriter } = {},
): Worker {
  const { keyStore, results, ...others } = options;
  return new Worker(others, { open: openOther, isSimulated: true, keyStore, results });
}
