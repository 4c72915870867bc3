/** Makes the pool of a group of queues, by its configuration. Starts nothing. */
import {
  type ChordSizes,
  CeleriacError,
  type Clock,
  type Config,
  type KeyStoreSource,
  type Logger,
  serviceName,
  withoutKeys,
} from '@celeriac/core';

import type { TaskGroup } from '../capsule-plan.js';
import type { HandlerWatch } from '../execute.js';
import type { RegisteredTask, TaskHandlers } from '../handlers.js';
import type { ContextParts } from '../context.js';
import { answerer, type AnswerSide } from './answer.js';
import { ChildPool } from './child-pool.js';
import { InlinePool } from './inline.js';
import type { Pool } from './pool.js';
import { startProcess } from './process-child.js';
import type { CallSide } from './protocol.js';
import { startThread } from './thread-child.js';

export interface OpenPoolParts {
  readonly config: Config;
  /** URLs of the modules that register handlers. */
  readonly modules: readonly string[];
  readonly sides: Readonly<Record<CallSide, AnswerSide>>;
  readonly progress: ContextParts['progress'];
  readonly sent: ContextParts['sent'];
  readonly keyStore: Pick<KeyStoreSource, 'open'>;
  readonly chords: () => Promise<ChordSizes>;
  readonly stopping: AbortSignal;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Of handlers that run in this process's event loop. */
  readonly watch?: HandlerWatch | undefined;
}

export function openPool({ name, config: settings }: TaskGroup, parts: OpenPoolParts): Pool {
  const { config, modules, progress, sent, stopping, logger, clock, watch } = parts;
  if (settings.pool === 'inline') {
    if (settings.hard_time_limit !== undefined || settings.max_memory !== undefined) {
      logger.warn('the inline pool cannot end code: hard_time_limit is only reported, max_memory ignored', {
        group: name,
      });
    }
    return new InlinePool(name, { clock, logger, watch });
  }
  return new ChildPool({
    name,
    config: settings,
    startChild: settings.pool === 'threads' ? startThread : startProcess,
    setup: { op: 'setup', modules, config: forChild(config) },
    answer: answerer(parts),
    progress: ({ id, name: task }, { delivery }, value) =>
      progress({ id, name: task, queue: delivery.queue }, value),
    sent: ({ id }, child) => sent(id, child),
    stopping,
    logger,
    clock,
  });
}

/** Without addresses, passwords and keys: a child connects to nothing, and what it sends is signed by the worker. */
function forChild(config: Config): Config {
  const { connection_string: _events, ...events } = withoutKeys(config.events);
  const { connection_string: _keys, ...keys } = config.key_store;
  const { connection_string: _tasks, result_backend: backend, ...tasks } = withoutKeys(config.tasks);
  return {
    ...config,
    service: serviceName(config),
    events,
    tasks: { ...tasks, ...(backend === undefined ? {} : { result_backend: { kind: backend.kind } }) },
    key_store: keys,
    tls: { verify: true },
  } as Config;
}

/** Batches are handled in the worker itself. */
function canRun(task: RegisteredTask | undefined): boolean {
  return task?.isFromModule === true || task?.batch !== undefined;
}

/** Throws ERR_POOL_HANDLERS for a task that could run nowhere: registered by no module, and no group is inline. */
export function checkHandlers(groups: readonly TaskGroup[], tasks: TaskHandlers): void {
  if (groups.some(({ config }) => config.pool === 'inline')) return;
  const lost = tasks.names.filter((name) => !canRun(tasks.get(name)));
  if (lost.length === 0) return;
  throw new CeleriacError('ERR_POOL_HANDLERS', {
    message: `Threads and processes cannot run ${lost.map((name) => `'${name}'`).join(', ')}: no module registers it.`,
    hint: "Register it in a module that exports register(worker), and name the module: createWorker({ handlers: new URL('./tasks.js', import.meta.url) }).",
    values: { tasks: lost },
  });
}
