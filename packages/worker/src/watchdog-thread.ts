/**
 * The thread of a watchdog: says on standard error that the event loop of the main thread has stood still for too
 * long, while it still does, and in which handler. Writes to the descriptor itself, since a thread's `process.stderr`
 * goes through the thread that is blocked. Runs until it is terminated.
 */
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

import { createLogger, systemClock } from '@celeriac/core';

import { type Alarm, beatAt, handlerName } from './watchdog-state.js';

const { shared, alarmMs, format } = workerData as Alarm;
const state = new Int32Array(shared);
const logger = createLogger({ format, write: (line) => void writeSync(2, `${line}\n`) });
/** Nobody writes to it: waiting on it is sleeping. */
const never = new Int32Array(new SharedArrayBuffer(4));

let beat = Atomics.load(state, beatAt);
let since = systemClock.monotonic();
let told = false;
for (;;) {
  Atomics.wait(never, 0, 0, alarmMs / 10);
  const now = systemClock.monotonic();
  const latest = Atomics.load(state, beatAt);
  if (latest !== beat) {
    beat = latest;
    since = now;
    told = false;
  } else if (!told && now - since >= alarmMs) {
    told = true;
    logger.error('the event loop is blocked', {
      seconds: Math.round((now - since) / 1000),
      handler: handlerName(shared),
    });
  }
}
