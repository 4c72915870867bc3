/** The keys that say where tasks run and what ends them, for all tasks and for a group of queues. Data only. */
import { choice, duration, type Extra, type SchemaNode, section, size, text, whole } from './schema-node.js';

const longestLimit = 4_294_967; // seconds: 2^32-1 milliseconds, as everywhere
const mebibyte = 2 ** 20;
const limits = [0.001, longestLimit] as const;
const memory = [32 * mebibyte, 2 ** 44] as const;
const noLimit: Extra = { 'x-default': 'no limit' };

/** `own` is added to every key that has a default, or stands in for it. */
function poolKeys(own: (value: unknown) => Extra): Readonly<Record<string, SchemaNode>> {
  return {
    pool: choice(
      'Where tasks run: in the event loop of the worker (asynchronous code), in threads, or in child processes (code that computes).',
      ['inline', 'threads', 'processes'],
      own('inline'),
    ),
    concurrency: whole('Tasks that run at the same time; threads or processes at most.', 1, {
      'x-unit': 'tasks',
      ...own(10),
    }),
    min_concurrency: whole(
      'Threads or processes that are kept when there is less to do; further ones start when they are needed.',
      0,
      { 'x-unit': 'children', ...own(1) },
    ),
    idle_timeout: duration(
      'Time after which an idle thread or process above `min_concurrency` is ended.',
      [0.001, 86_400],
      own('60s'),
    ),
  };
}

/** Limits that have no default: absent is none, or that of the section above. */
function limitKeys(absent: Extra): Readonly<Record<string, SchemaNode>> {
  return {
    max_tasks_per_child: whole('Tasks after which a thread or process is replaced by a fresh one.', 1, {
      maximum: 2 ** 31 - 1,
      'x-unit': 'tasks',
      ...absent,
    }),
    soft_time_limit: duration("Time after which a task's signal is aborted.", limits, absent),
    hard_time_limit: duration(
      'Time after which the thread or process that runs the task is killed. `inline` can only report it.',
      limits,
      absent,
    ),
    max_memory: size(
      'Memory of a process, or heap of a thread, at which it is killed together with its task.',
      memory,
      absent,
    ),
    max_memory_per_child: size(
      'Memory of a process, or heap of a thread, above which it is replaced once its task has ended.',
      memory,
      absent,
    ),
  };
}

const ofHandler: Extra = { 'x-default': 'that of `task_handler`' };

export const poolSettings: Readonly<Record<string, SchemaNode>> = {
  ...poolKeys((value) => ({ default: value })),
  ...limitKeys(noLimit),
  max_crashes: whole(
    'How often a task may end its thread or process before it goes to the dead-letter queue.',
    1,
    { default: 3, 'x-unit': 'crashes' },
  ),
};

/** Groups of queues: `name` is what a queue's name may be. */
export function taskWorkers(name: Extra): SchemaNode {
  return {
    type: 'object',
    description:
      'Groups of queues with a pool of their own, so that one worker runs tasks that compute beside tasks that wait.',
    default: {},
    additionalProperties: section(
      'One group.',
      {
        queues: {
          type: 'array',
          description: 'Queues of the group; `task_handler` itself takes the others.',
          minItems: 1,
          items: text('Name of a queue.', name),
        },
        prefetch_count: whole('Unacknowledged messages the broker may hand out.', 1, {
          'x-unit': 'messages',
          'x-default': "the same as the group's `concurrency`",
        }),
        ...poolKeys(() => ofHandler),
        ...limitKeys(ofHandler),
      },
      { required: ['queues'] },
    ),
  };
}
