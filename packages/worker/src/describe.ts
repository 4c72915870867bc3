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

export interface Needs {
  /** Task queues that contracts name. */
  readonly queues: readonly string[];
  readonly applications: readonly { readonly name: string; readonly patterns: readonly string[] }[];
}

export function needsOf({ tasks, applications }: Pick<Described, 'tasks' | 'applications'>): Needs {
  const queues = tasks.names.map((name) => tasks.get(name)?.contract?.queue);
  return {
    queues: [...new Set(queues.filter((queue) => queue !== undefined))],
    applications: applications.map(({ name, patterns }) => ({ name, patterns })),
  };
}
