/** What a worker does, in words and numbers, for a banner or a log line. Holds no secrets; changes nothing. */
import { type Config, serviceName } from '@celeriac/core';

import { planApplication, type TaskGroup } from './capsule-plan.js';
import type { Application } from './event-handler/application.js';
import type { TaskHandlers } from './handlers.js';
import type { WorkerDescription } from './worker-events.js';

interface Described {
  readonly config: Config;
  readonly tasks: TaskHandlers;
  readonly applications: readonly Application[];
}

export function describeWorker(
  { config, tasks, applications }: Described,
  groups: readonly TaskGroup[],
  http: string | undefined,
): WorkerDescription {
  const brokers = new Set([
    ...config.tasks.connection_string.addresses,
    ...config.events.connection_string.addresses,
  ]);
  return {
    service: serviceName(config),
    brokers: [...new Set([...brokers].map(String))],
    queues: groups.flatMap(({ config: { queues } }) => queues),
    concurrency: config.task_handler.concurrency,
    ...(http === undefined ? {} : { http }),
    pools: groups.map(({ name, config: { pool: kind, queues, concurrency } }) => {
      return { name, kind, queues, concurrency };
    }),
    tasks: tasks.names,
    applications: applications.map((application) => {
      const { queue, prefetch } = planApplication(config, application);
      return { name: application.name, queue, prefetch, patterns: application.patterns };
    }),
  };
}
