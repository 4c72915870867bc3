/** What a thread of a pool runs: speaks to the worker's main thread. */
import { getHeapStatistics } from 'node:v8';
import { type MessagePort, parentPort } from 'node:worker_threads';

import type { ToChild } from '../protocol.js';
import { serve } from './serve.js';

const port = parentPort as MessagePort;

serve({
  send: (message) => port.postMessage(message),
  listen: (listener) => void port.on('message', (message: ToChild) => listener(message)),
  memory: () => getHeapStatistics().used_heap_size,
  exit: () => process.exit(0),
});
