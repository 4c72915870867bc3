/** A worker thread, and a channel to it. Ending one stops JavaScript wherever it is, but not native code. */
import { Worker } from 'node:worker_threads';

import type { Child, ChildEnd } from './child.js';
import type { FromChild } from './protocol.js';

const entry = new URL('./inside/thread-entry.js', import.meta.url);
const mebibyte = 2 ** 20;

export function startThread({ maxMemory }: { readonly maxMemory: number | undefined }): Child {
  const resourceLimits =
    maxMemory === undefined ? {} : { maxOldGenerationSizeMb: Math.ceil(maxMemory / mebibyte) };
  const thread = new Worker(entry, { resourceLimits });
  const id = thread.threadId; // -1 once it has ended
  let error: unknown;
  thread.on('error', (thrown) => {
    error = thrown;
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    thread.once('exit', (code) => {
      const isOutOfMemory = (error as { code?: unknown } | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
      resolve({ code, signal: null, isOutOfMemory, ...(error === undefined ? {} : { error }) });
    });
  });
  return {
    id,
    send: (message) => thread.postMessage(message),
    listen: (listener) => void thread.on('message', (message: FromChild) => listener(message)),
    ended,
    kill: () => void thread.terminate(),
    // Its heap is limited by V8 itself.
    memory: () => Promise.resolve(undefined),
  };
}
