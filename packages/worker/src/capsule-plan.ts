/** Which queues a worker consumes, with how many deliveries each, from configuration and registrations. Pure. */
import {
  applicationQueueName,
  applicationTopology,
  CeleriacError,
  type Config,
  routeTask,
  taskTopology,
  type Topology,
} from '@celeriac/core';

import type { Application } from './event-handler/application.js';
import type { TaskHandlers } from './handlers.js';

export interface QueuePlan {
  readonly queue: string;
  readonly prefetch: number;
  /** What batches need; a smaller one would leave them waiting for what is never sent. */
  readonly leastPrefetch: number;
  readonly topology: Topology;
}

/** Task queues that share a pool: what `task_handler` consumes itself, or one of its `workers`. */
export interface TaskGroup {
  readonly name: string;
  readonly queues: readonly QueuePlan[];
  /** With what the group sets itself. */
  readonly config: Config['task_handler'];
}

export interface TaskGroupOptions {
  /** These queues and no others; what is in no group is the base's. */
  readonly queues?: readonly string[] | undefined;
  /** Those of batches need their prefetch. */
  readonly tasks?: Pick<TaskHandlers, 'names' | 'get'> | undefined;
  /** No threads and no processes. */
  readonly isInlineOnly?: boolean;
}

/** One capsule per group. */
export function planTaskGroups(config: Config, options: TaskGroupOptions = {}): readonly TaskGroup[] {
  const { queues: only, isInlineOnly = false, tasks } = options;
  const { workers, ...base } = config.task_handler;
  const isWanted = (queue: string): boolean => only?.includes(queue) ?? true;
  const groups = Object.entries(workers).map(([name, { queues, ...own }]) => {
    const set = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
    // A prefetch of the base is of its own concurrency.
    const settings = { ...base, prefetch_count: undefined, ...set, workers: {} };
    return { name, names: queues.filter(isWanted), settings };
  });
  const all = groups.flatMap(({ names }) => names);
  const taken = new Set(all);
  if (taken.size < all.length) throw namedTwice(all);
  const others = (only ?? base.queues).filter((queue) => !taken.has(queue));
  return [{ name: 'task_handler', names: others, settings: { ...base, workers: {} } }, ...groups]
    .filter(({ names }) => names.length > 0)
    .map(({ name, names, settings }) => ({
      name,
      queues: planTaskQueues(config, names, { ...settings, tasks }),
      config: { ...settings, queues: names, ...(isInlineOnly ? { pool: 'inline' as const } : {}) },
    }));
}

function namedTwice(names: readonly string[]): CeleriacError {
  const queue = names.find((name, index) => names.indexOf(name) < index) ?? '';
  return new CeleriacError('ERR_CONFIG_INVALID', {
    message: `The queue '${queue}' is in two groups of task_handler.workers.`,
    hint: 'Leave it in one of them.',
    values: { queue },
  });
}

/** The queues of a group: they share its concurrency. */
export function planTaskQueues(
  config: Config,
  queues: readonly string[],
  settings: Pick<Config['task_handler'], 'concurrency' | 'prefetch_count'> & Pick<TaskGroupOptions, 'tasks'>,
): readonly QueuePlan[] {
  const { concurrency, prefetch_count: prefetch, tasks } = settings;
  const share = shareOf(concurrency, queues.length);
  return queues.map((queue) => {
    const leastPrefetch = largestBatch(config, queue, tasks);
    const topology = taskTopology(config, queue);
    return { queue, prefetch: Math.max(prefetch ?? share, leastPrefetch), leastPrefetch, topology };
  });
}

/** Of the tasks that are sent to this queue, by contract or route; 1 without any. */
function largestBatch(config: Config, queue: string, tasks: TaskGroupOptions['tasks']): number {
  const sizes = (tasks?.names ?? []).map((name) => {
    const { contract, batch } = tasks?.get(name) ?? {};
    const { routes, default_queue: otherwise } = config.tasks;
    const isHere = (contract?.queue ?? routeTask(routes, name) ?? otherwise) === queue;
    return isHere ? (batch?.size ?? 1) : 1;
  });
  return Math.max(1, ...sizes);
}

/** What can run, shared out: a message sent ahead to a busy worker would wait while another worker idles. */
export function shareOf(concurrency: number, queues: number): number {
  return Math.max(1, Math.floor(concurrency / Math.max(1, queues)));
}

/** One capsule per application: a slow one never delays another. */
export function planApplication(config: Config, { name, patterns, batchSize }: Application): QueuePlan {
  const queue = applicationQueueName(config, name);
  return {
    queue,
    prefetch: Math.max(eventPrefetch(config, queue), batchSize),
    leastPrefetch: batchSize,
    topology: applicationTopology(config, name, patterns),
  };
}

/** The `event_handler.workers` entry with the longest matching prefix decides, else `event_handler` itself. */
export function eventPrefetch(config: Config, queue: string): number {
  const { workers, prefetch_count: general } = config.event_handler;
  const groups = Object.values(workers)
    .filter(({ queue_prefix: prefix }) => queue.startsWith(prefix))
    .sort((a, b) => b.queue_prefix.length - a.queue_prefix.length);
  return groups[0]?.prefetch_count ?? general;
}
