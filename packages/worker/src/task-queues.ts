/**
 * The task queues of a worker that runs, and how many tasks run at once: both can change while it runs. Decides nothing
 * about deliveries.
 */
import { CeleriacError, checkedQueueName, type Config } from '@celeriac/core';

import type { Capsule } from './capsule.js';
import { planTaskQueues, type QueuePlan, type TaskGroup } from './capsule-plan.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';

export interface TaskCapsule {
  readonly group: TaskGroup;
  readonly capsule: Capsule;
  readonly delayPaths: DelayPaths;
}

/** Queues of one worker; names may come from anywhere. */
const mostQueues = 1_000;
const mostConcurrency = 65_535;

export class TaskQueues {
  #config: Config;
  #capsules: TaskCapsule[] = [];
  /** By which the concurrency of the first group differs from its configuration. */
  #more = 0;
  /** Changes, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: Config) {
    this.#config = config;
  }

  open(capsule: TaskCapsule): void {
    this.#capsules.push(capsule);
  }

  get plans(): readonly QueuePlan[] {
    return this.#capsules.flatMap(({ capsule }) => capsule.plans);
  }

  get concurrency(): number {
    return this.#more + this.#capsules.reduce((sum, { group }) => sum + group.config.concurrency, 0);
  }

  /** Consumes another queue, in the first group. Rejects with ERR_TOPOLOGY_… when it cannot be. */
  add(queue: string): Promise<void> {
    return this.#next(async ({ group, capsule, delayPaths }) => {
      if (this.plans.some((plan) => plan.queue === queue)) return;
      checkedQueueName(queue); // declared, it would be tried for ever, and every other change would wait
      if (this.plans.length >= mostQueues) throw tooMany('queues', mostQueues);
      const names = [...capsule.plans.map((plan) => plan.queue), queue];
      const plan = planTaskQueues(this.#config, names, this.#settings(group)).at(-1) as QueuePlan;
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
  resize(by: number): Promise<void> {
    return this.#next(async ({ group, capsule, delayPaths }) => {
      const concurrency = this.#settings(group).concurrency + by;
      if (concurrency < 1 || concurrency > mostConcurrency) throw tooMany('tasks', mostConcurrency);
      this.#more += by;
      const names = capsule.plans.map((plan) => plan.queue);
      capsule.changeSlots(by);
      if (group.config.prefetch_count !== undefined) return;
      for (const plan of planTaskQueues(this.#config, names, this.#settings(group))) {
        const consumer = await capsule.consume(plan, delayPaths.stopping);
        keepDelayPaths({ ...delayPaths, consumers: [consumer] });
      }
    });
  }

  #settings({ config }: TaskGroup): Pick<TaskGroup['config'], 'concurrency' | 'prefetch_count'> {
    const { concurrency, prefetch_count: prefetch } = config;
    return { concurrency: concurrency + this.#more, prefetch_count: prefetch };
  }

  #next<T>(change: (first: TaskCapsule) => Promise<T>): Promise<T> {
    const [first] = this.#capsules;
    if (first === undefined) return Promise.reject(noTasks());
    const result = this.#last.then(() => change(first));
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function tooMany(what: string, most: number): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `A worker has 1 to ${most} ${what}.`,
    hint: 'Start another worker.',
    values: { most },
  });
}

function noTasks(): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: 'This worker runs no tasks.',
    hint: 'Ask a worker that does.',
  });
}
