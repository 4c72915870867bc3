/** What `dispatch` asks of a pool: run this, and say how it ended. A port, and what pools say of themselves. */
import type { Delivery, Outcome, PoolKind } from '@celeriac/core';

import type { Cancellation } from '../cancellation.js';
import type { Work } from '../work.js';

/** What a piece of work is run with. */
export interface RunWith {
  readonly cancellation: Cancellation;
  readonly delivery: Pick<Delivery, 'queue' | 'redelivered' | 'properties'>;
  /** Rises with every run under the same idempotency key. */
  readonly fencing?: number | undefined;
}

/** How many tasks at most, and how many threads or processes are kept when there are fewer. */
export interface PoolSize {
  readonly concurrency: number;
  readonly minConcurrency: number;
}

export interface Pool {
  /** Resolves when it can take work; rejects with ERR_POOL_START when its children cannot start. */
  start(): Promise<void>;
  /** Runs one piece of work. Never rejects: every ending is an Outcome. */
  run(work: Work, given: RunWith): Promise<Outcome>;
  /** How much it runs at once from now on. What runs already goes on. */
  resize(size: PoolSize): void;
  /**
   * Replaces its threads or processes, which load the handlers anew: idle ones now, busy ones when their task has ended.
   * False where it has none.
   */
  restart(): boolean;
  stats(): Pick<PoolStats, 'name' | 'kind' | 'children'>;
  /** Ends every child, and what still runs in it, at once. Resolves when all are gone. */
  close(): Promise<void>;
}

/** A thread or process of a pool. */
export interface ChildStats {
  /** Process id, or thread id. */
  readonly id: number;
  /** The task it runs, by its message's id; undefined while it is idle. */
  readonly task: string | undefined;
  /** Tasks that it has ended. */
  readonly done: number;
  /** Bytes after its last task: resident memory of a process, heap of a thread. */
  readonly memory: number | undefined;
}

export interface PoolStats extends PoolSize {
  /** The group of queues it is for; `task_handler` without one. */
  readonly name: string;
  readonly kind: PoolKind;
  /** Deliveries that the broker sends ahead, per queue. */
  readonly prefetch: number;
  readonly children: readonly ChildStats[];
}
