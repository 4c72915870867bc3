/**
 * The task queues of a worker that runs, and how many tasks run at once: both can change while it runs. Decides nothing
 * about deliveries.
 */
import { CeleriacError, checkedQueueName, type Config } from '@celeriac/core';

import type { Capsule } from './capsule.js';
import { planTaskQueues, type QueuePlan, type TaskGroup } from './capsule-plan.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';
import type { GroupSize, GroupSizes } from './group-sizes.js';
import type { TaskHandlers } from './handlers.js';

export interface TaskCapsule {
  readonly group: TaskGroup;
  readonly capsule: Capsule;
  readonly delayPaths: DelayPaths;
}

/** Queues of one worker; names may come from anywhere. */
const mostQueues = 1_000;

export interface TaskQueuesParts {
  readonly config: Config;
  /** Those of batches need their prefetch. */
  readonly tasks: TaskHandlers;
  readonly sizes: GroupSizes;
}

export class TaskQueues {
  #parts: TaskQueuesParts;
  #capsules: TaskCapsule[] = [];
  /** Changes, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: TaskQueuesParts) {
    this.#parts = parts;
  }

  open(capsule: TaskCapsule): void {
    this.#capsules.push(capsule);
  }

  get plans(): readonly QueuePlan[] {
    return this.#capsules.flatMap(({ capsule }) => capsule.plans);
  }

  get concurrency(): number {
    const { sizes } = this.#parts;
    return this.#capsules.reduce((sum, { group }) => sum + sizes.of(group.name).concurrency, 0);
  }

  /** Consumes another queue, in the first group. Rejects with ERR_TOPOLOGY_… when it cannot be. */
  add(queue: string): Promise<void> {
    const { config, tasks, sizes } = this.#parts;
    return this.#next(async ({ group, capsule, delayPaths }) => {
      if (this.plans.some((plan) => plan.queue === queue)) return;
      checkedQueueName(queue); // declared, it would be tried for ever, and every other change would wait
      if (this.plans.length >= mostQueues) throw tooMany();
      const names = [...capsule.plans.map((plan) => plan.queue), queue];
      const settings = { ...sizes.settings(group.name), tasks };
      const plan = planTaskQueues(config, names, settings).at(-1) as QueuePlan;
      const consumer = await capsule.consume(plan, delayPaths.stopping);
      keepDelayPaths({ ...delayPaths, consumers: [consumer] });
    });
  }

  /** False where it was not consumed. */
  cancel(queue: string): Promise<boolean> {
    return this.#next(async () => {
      const released = await Promise.all(this.#capsules.map(({ capsule }) => capsule.release(queue)));
      return released.includes(true);
    });
  }

  /** Runs so many tasks of the first group more, or fewer, at once. Rejects when that would be none. */
  grow(by: number): Promise<GroupSize> {
    return this.#next(({ group }) => this.#parts.sizes.grow(by, group.name));
  }

  /**
   * So many threads or processes of the first group at most, and so many that are kept; undefined leaves one as it is.
   * Resolves with undefined where that group has none.
   */
  autoscale(most: number | undefined, least: number | undefined): Promise<GroupSize | undefined> {
    return this.#next(async ({ group: { name, config } }) => {
      if (config.pool === 'inline') return undefined;
      return this.#parts.sizes.resize({
        group: name,
        ...(most === undefined ? {} : { concurrency: most }),
        ...(least === undefined ? {} : { minConcurrency: least }),
      });
    });
  }

  /** Replaces the threads or processes of all groups, each when its task has ended. False where there are none. */
  restart(): boolean {
    return this.#parts.sizes.restart();
  }

  #next<T>(change: (first: TaskCapsule) => Promise<T>): Promise<T> {
    const [first] = this.#capsules;
    if (first === undefined) return Promise.reject(noTasks());
    const result = this.#last.then(() => change(first));
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function tooMany(): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `A worker has 1 to ${mostQueues} queues.`,
    hint: 'Start another worker.',
    values: { most: mostQueues },
  });
}

function noTasks(): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: 'This worker runs no tasks.',
    hint: 'Ask a worker that does.',
  });
}
