/** Chooses where a worker's connections live: on a thread of their own, or on that of the handlers. */
import { type BrokerOptions, type Section, systemClock } from '@celeriac/core';

import { ThreadSide } from './io-thread/thread-side.js';
import { openSide, type Side } from './side.js';

/** As `task_handler.io` says; inline where time is not the machine's, since a clock cannot cross between threads. */
export function openWorkerSide(options: BrokerOptions, section: Section): Side {
  const threaded = options.config.task_handler.io === 'thread' && options.clock === systemClock;
  return threaded ? new ThreadSide(options, section) : openSide(options, section);
}
