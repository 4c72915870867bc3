/**
 * Which tasks may run longer than the broker waits for their acknowledgement: it would close the channel under them and
 * deliver them again. Looks at limits only, and says so once, when a worker starts.
 */
import { type Config, type Logger, parseDuration } from '@celeriac/core';

import type { TaskGroup } from './capsule-plan.js';
import type { RegisteredTask, TaskHandlers } from './handlers.js';

export interface OverlongTask {
  readonly task: string;
  /** Of the queues that it may come from. */
  readonly group: string;
  /** The limit that ends it at last, and after how many seconds; undefined where nothing does. */
  readonly limit: { readonly kind: 'hard' | 'soft'; readonly seconds: number } | undefined;
  /** Seconds that the broker waits. */
  readonly timeout: number;
}

/** Of tasks that the group runs. */
export function overlongTasks(group: TaskGroup, tasks: TaskHandlers, timeout: number): OverlongTask[] {
  if (timeout === 0) return [];
  return tasks.names.flatMap((name) => {
    const limit = limitOf(tasks.get(name) as RegisteredTask, group.config);
    const isShort = limit !== undefined && limit.seconds < timeout;
    return isShort ? [] : [{ task: name, group: group.name, limit, timeout }];
  });
}

/** The earliest limit of this worker's own; a sender may set others. Nothing enforces a hard one in the inline pool. */
function limitOf(
  { contract, options }: RegisteredTask,
  config: Config['task_handler'],
): OverlongTask['limit'] {
  const own = {
    soft: contract?.timeLimit?.soft ?? options.softTimeLimit ?? config.soft_time_limit,
    hard: config.pool === 'inline' ? undefined : hardOf({ contract, options }, config),
  };
  const found = (['soft', 'hard'] as const).flatMap((kind) => {
    const duration = own[kind];
    return duration === undefined ? [] : [{ kind, seconds: parseDuration(duration) }];
  });
  return found.sort((a, b) => a.seconds - b.seconds)[0];
}

function hardOf(
  { contract, options }: Pick<RegisteredTask, 'contract' | 'options'>,
  config: Config['task_handler'],
): RegisteredTask['options']['hardTimeLimit'] {
  return contract?.timeLimit?.hard ?? options.hardTimeLimit ?? config.hard_time_limit;
}

interface WarningParts {
  readonly config: Config;
  readonly tasks: TaskHandlers;
  readonly logger: Logger;
}

const remedies =
  'set a shorter limit, split it with checkpoints, or raise consumer_timeout: of the broker, or by tasks.consumer_timeout (docs/long-tasks.md)';

/** One line for each task with a limit that is too long, and one for all that have none. */
export function warnOfOverlongTasks(
  groups: readonly TaskGroup[],
  { config, tasks, logger }: WarningParts,
): void {
  const timeout = config.tasks.consumer_timeout ?? config.task_handler.consumer_timeout;
  const all = groups.flatMap((group) => overlongTasks(group, tasks, timeout));
  for (const { task, group, limit } of all) {
    if (limit === undefined) continue;
    const { kind, seconds } = limit;
    const fields = { task, group, limit: kind, seconds, consumerTimeout: timeout, hint: remedies };
    logger.warn('a task may run longer than the broker waits for its acknowledgement', fields);
  }
  const unlimited = [...new Set(all.filter(({ limit }) => limit === undefined).map(({ task }) => task))];
  if (unlimited.length === 0) return;
  const fields = { tasks: unlimited, consumerTimeout: timeout, hint: remedies };
  logger.info('tasks without a time limit: the broker delivers those again that take too long', fields);
}
