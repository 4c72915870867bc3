/** Which queues a worker consumes, with how many deliveries each, from configuration and registrations. Pure. */
import {
  applicationQueueName,
  applicationTopology,
  type Config,
  taskTopology,
  type Topology,
} from '@celeriac/core';

import type { Application } from './event-handler/application.js';

export interface QueuePlan {
  readonly queue: string;
  readonly prefetch: number;
  readonly topology: Topology;
}

/** One capsule for all task queues: they share the worker's concurrency. */
export function planTaskQueues(config: Config): readonly QueuePlan[] {
  const { queues, concurrency, prefetch_count: prefetch } = config.task_handler;
  // What can run, shared out: a message sent ahead to a busy worker would wait while another worker idles.
  const share = Math.max(1, Math.floor(concurrency / queues.length));
  return queues.map((queue) => ({
    queue,
    prefetch: prefetch ?? share,
    topology: taskTopology(config, queue),
  }));
}

/** One capsule per application: a slow one never delays another. */
export function planApplication(config: Config, { name, patterns }: Application): QueuePlan {
  const queue = applicationQueueName(config, name);
  return {
    queue,
    prefetch: eventPrefetch(config, queue),
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
