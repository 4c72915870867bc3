/**
 * How much each group of task queues runs at once, and changing that while it runs: its slots, its threads or
 * processes, and what the broker sends ahead. Starts and stops no worker, and settles nothing.
 */
import { CeleriacError, nearest } from '@celeriac/core';

import type { Capsule } from './capsule.js';
import { shareOf, type TaskGroup } from './capsule-plan.js';
import type { Pool, PoolStats } from './pool/pool.js';

/** What a group is changed to; what is left out stays as it is. */
export interface ResizeOptions {
  /** Default: the worker's only group, else `task_handler`. */
  readonly group?: string;
  /** Tasks at the same time; threads or processes at most. At least 1. */
  readonly concurrency?: number;
  /** Threads or processes that are kept when there is little to do. */
  readonly minConcurrency?: number;
  /**
   * Deliveries that the broker sends ahead of acknowledgements, per queue. Default: the concurrency, shared out among
   * the group's queues; where `prefetch_count` is configured or was given before, that.
   */
  readonly prefetch?: number;
}

/** What a group runs at once. */
export interface GroupSize {
  readonly name: string;
  readonly concurrency: number;
  readonly minConcurrency: number;
  /** Per queue. */
  readonly prefetch: number;
}

interface Sized {
  readonly pool: Pool;
  readonly capsule: Capsule;
  readonly ownPrefetch: number | undefined;
  readonly size: GroupSize;
}

const base = 'task_handler';
/** AMQP carries a prefetch in 16 bits. */
const most = 65_535;

export class GroupSizes {
  #groups = new Map<string, Sized>();

  add({ name, config, queues }: TaskGroup, pool: Pool, capsule: Capsule): void {
    const { concurrency, min_concurrency: minConcurrency, prefetch_count: ownPrefetch } = config;
    const prefetch = ownPrefetch ?? shareOf(concurrency, queues.length);
    const size = { name, concurrency, minConcurrency, prefetch };
    this.#groups.set(name, { pool, capsule, ownPrefetch, size });
  }

  stats(): readonly PoolStats[] {
    return [...this.#groups.values()].map(({ pool, size }) => ({ ...pool.stats(), ...size }));
  }

  /** The current size of a group. Throws ERR_INPUT_INVALID for one that is not there. */
  of(group?: string): GroupSize {
    return this.#find(group).size;
  }

  /** What another queue of the group is planned with. Throws as `of` does. */
  settings(group?: string): Pick<TaskGroup['config'], 'concurrency' | 'prefetch_count'> {
    const { size, ownPrefetch } = this.#find(group);
    return { concurrency: size.concurrency, prefetch_count: ownPrefetch };
  }

  /** Resolves with the size that holds from now on, once the broker knows. Rejects with ERR_INPUT_INVALID. */
  async resize({ group, ...wanted }: ResizeOptions): Promise<GroupSize> {
    const known = this.#find(group);
    const { name } = known.size;
    const concurrency = checked('concurrency', wanted.concurrency ?? known.size.concurrency, 1);
    const minConcurrency = checked('minConcurrency', wanted.minConcurrency ?? known.size.minConcurrency, 0);
    const ownPrefetch = wanted.prefetch ?? known.ownPrefetch;
    const prefetch = checked('prefetch', ownPrefetch ?? shareOf(concurrency, known.capsule.plans.length), 1);
    const size = { name, concurrency, minConcurrency, prefetch };
    this.#groups.set(name, { ...known, ownPrefetch, size });
    known.pool.resize(size);
    await known.capsule.resize(size);
    return size;
  }

  /** By so many tasks more, or fewer. Rejects as `resize` does. */
  async grow(by: number, group?: string): Promise<GroupSize> {
    const { name, concurrency } = this.of(group);
    return this.resize({ group: name, concurrency: concurrency + by });
  }

  /** Of all groups that have threads or processes. False where none has. */
  restart(): boolean {
    return [...this.#groups.values()].map(({ pool }) => pool.restart()).includes(true);
  }

  #find(group?: string): Sized {
    const names = [...this.#groups.keys()];
    const name = group ?? (names.length === 1 ? names[0] : base) ?? base;
    const found = this.#groups.get(name);
    if (found !== undefined) return found;
    const near = group === undefined ? undefined : nearest(group, names);
    throw new CeleriacError('ERR_INPUT_INVALID', {
      message: `This worker has no group of queues '${name}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
      hint: `Name one of those that it has: ${names.join(', ') || 'none'}.`,
      values: { group: name, groups: names },
    });
  }
}

function checked(what: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `The ${what} of a group is a whole number from ${least} to ${most}; this one is ${String(value)}.`,
    values: { [what]: value },
  });
}
