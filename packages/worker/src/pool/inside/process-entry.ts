/** What a child process runs: speaks to its parent, and dies with it, even in the middle of an endless loop. */
import { Worker } from 'node:worker_threads';

import type { ToChild } from '../protocol.js';
import { serve } from './serve.js';

const ignore = (): void => undefined;
// The terminal sends them to the whole group; when to stop is the parent's decision.
process.on('SIGINT', ignore);
process.on('SIGTERM', ignore);
process.on('disconnect', () => process.exit(0));
new Worker(new URL('./orphan-watch.js', import.meta.url), {
  workerData: Number(process.argv[2]),
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
}).unref();

serve({
  send: (message) => void process.send?.(message, undefined, undefined, ignore),
  listen: (listener) => void process.on('message', (message) => listener(message as ToChild)),
  memory: () => process.memoryUsage.rss(),
  exit: () => process.exit(0),
});
