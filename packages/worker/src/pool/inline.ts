/**
 * The pool without children: handlers run in the worker's own event loop, many at a time. Can tell code to stop, and
 * cannot make it: a hard time limit is only reported.
 */
import type { Outcome } from '@celeriac/core';

import { execute, type ExecuteParts, fenced } from '../execute.js';
import type { Work } from '../work.js';
import type { Pool, RunWith } from './pool.js';

export class InlinePool implements Pool {
  #name: string;
  #parts: ExecuteParts;

  constructor(name: string, parts: ExecuteParts) {
    this.#name = name;
    this.#parts = parts;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  run(work: Work, { cancellation, fencing }: RunWith): Promise<Outcome> {
    const { hardLimitMs } = work;
    const runnable = fenced(work, fencing);
    if (hardLimitMs === undefined) return execute(runnable, cancellation, this.#parts);
    const { clock, logger } = this.#parts;
    const { id, name } = work;
    const timer = clock.after(hardLimitMs, () => {
      const hint = 'run it in a pool of threads or processes';
      logger.error('over its hard time limit, and the inline pool cannot end it', {
        name,
        id,
        limit: hardLimitMs / 1000,
        hint,
      });
    });
    return execute(runnable, cancellation, this.#parts).finally(() => timer.cancel());
  }

  resize(): void {
    // Its size is that of the slots alone.
  }

  restart(): boolean {
    return false;
  }

  stats(): ReturnType<Pool['stats']> {
    return { name: this.#name, kind: 'inline', children: [] };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
