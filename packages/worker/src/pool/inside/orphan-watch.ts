/**
 * A thread that ends its process when the parent is gone. The channel to the parent tells as well, but only code that
 * is not stuck in a loop. Imports nothing, so that it costs little; and has no clock, since it does nothing but sleep.
 */
import { workerData } from 'node:worker_threads';

const lookMs = 500;
const never = new Int32Array(new SharedArrayBuffer(4));

for (;;) {
  Atomics.wait(never, 0, 0, lookMs);
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}
