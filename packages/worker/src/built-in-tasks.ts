/**
 * The tasks that every worker of Celery has, since Python sends them to queues that both share: `celery.map`,
 * `celery.starmap`, `celery.chunks` and `celery.accumulate` run here, over the handlers that are registered. What only
 * Python can do (`celery.chord_unlock`, `celery.backend_cleanup`) is passed on: it goes back to its queue, through the
 * broker's delay, until a Python worker takes it. What is registered under one of these names goes first.
 *
 * Source: celery/app/builtins.py; captures of Celery 5.2.6 and 5.6.3 (canvas, chord-unlock).
 */
import {
  CeleriacError,
  deferralCount,
  isCheckpoint,
  type Logger,
  type MessageProperties,
  type Outcome,
  signatureFrom,
  type TaskMessage,
  type Validator,
} from '@celeriac/core';

import { boundInput } from './bound-input.js';
import { currentTask, type TaskContext } from './context.js';
import type { RegisteredTask, TaskHandlers } from './handlers.js';

export interface BuiltInParts {
  readonly handlers: TaskHandlers;
  readonly validator: Validator;
  readonly now: () => number;
  readonly logger: Logger;
}

/** A task that runs, or how its message ends here; undefined: no such task is built in. */
export type BuiltIn = { readonly task: RegisteredTask } | { readonly outcome: Outcome } | undefined;

export type FindBuiltIn = (message: TaskMessage, properties: MessageProperties) => BuiltIn;

type Over = 'celery.map' | 'celery.starmap';

/** A day of asking every second; beyond it no Python worker will come, and the message says so as a dead letter. */
const mostPasses = 86_400;

/** Until a Python worker is given its chance again, milliseconds. Celery asks for a chord every second. */
const passedOnMs: ReadonlyMap<string, number> = new Map([
  ['celery.chord_unlock', 1_000],
  ['celery.backend_cleanup', 10_000],
]);

/** What runs here beside what is registered. */
export const builtInNames: readonly string[] = [
  'celery.accumulate',
  'celery.chunks',
  'celery.map',
  'celery.starmap',
];

export function builtInTasks(parts: BuiltInParts): FindBuiltIn {
  const simple = new Map([
    ['celery.accumulate', builtIn('celery.accumulate', accumulate)],
    ['celery.chunks', builtIn('celery.chunks', sendChunks)],
  ]);
  const over = new Map<RegisteredTask, Partial<Record<Over, RegisteredTask>>>();
  const mapping = (name: Over, inner: RegisteredTask): RegisteredTask => {
    const known = over.get(inner) ?? {};
    over.set(inner, known);
    known[name] ??= overItems(name, inner, parts.validator);
    return known[name];
  };
  const warned = new Set<string>();
  const passOn = (message: TaskMessage, pauseMs: number, passes: number): Outcome => {
    const { task: name, id } = message;
    if (passes >= mostPasses) return { kind: 'unknown', error: neverTaken(message, passes) };
    const text =
      'only Python workers run this task: passed on, through the delay, until one of them takes it';
    if (!warned.has(name)) parts.logger.warn(text, { name, id });
    warned.add(name);
    return { kind: 'deferred', until: parts.now() + pauseMs, because: 'only Python runs it' };
  };
  return (message, properties) => {
    const { task: name } = message;
    if (!name.startsWith('celery.')) return undefined;
    const own = simple.get(name);
    if (own !== undefined) return { task: own };
    const pauseMs = passedOnMs.get(name);
    if (pauseMs !== undefined) return { outcome: passOn(message, pauseMs, deferralCount(properties)) };
    if (name !== 'celery.map' && name !== 'celery.starmap') return undefined;
    return mappingOf(message, (inner) => {
      const task = parts.handlers.get(inner);
      return task === undefined || task.batch !== undefined ? undefined : mapping(name, task);
    });
  };
}

function mappingOf(message: TaskMessage, find: (inner: string) => RegisteredTask | undefined): BuiltIn {
  const call = callOf(message.args, message.kwargs);
  if (call === undefined) return { outcome: { kind: 'invalid', error: notOverItems(message) } };
  const task = find(call.task);
  if (task !== undefined) return { task };
  return { outcome: { kind: 'unknown', error: unknownInner(message, call.task) } };
}

function builtIn(name: string, handler: (...args: unknown[]) => unknown): RegisteredTask {
  return { name, handler, contract: undefined, options: {}, isFromModule: true };
}

/** Runs one handler for every item, one after the other, in the context of the whole. */
function overItems(name: Over, inner: RegisteredTask, validator: Validator): RegisteredTask {
  const isSpread = name === 'celery.starmap';
  const { contract, handler } = inner;
  const callOnce = async (item: unknown, context: TaskContext): Promise<unknown> => {
    const args = isSpread ? (item as unknown[]) : [item];
    if (contract === undefined) return handler(...args);
    const whole = isSpread ? [] : [{ args, kwargs: {}, single: true }];
    const checked = await boundInput(contract, [...whole, { args, kwargs: {}, single: false }], validator);
    if (!checked.ok) throw checked.error;
    return handler(checked.value, context);
  };
  return {
    ...builtIn(name, async () => {
      const { message, signal } = currentTask() as TaskContext;
      const { items } = callOf(message.args, message.kwargs) as OverItems;
      const values: unknown[] = [];
      for (const [index, item] of items.entries()) {
        signal.throwIfAborted();
        if (isSpread && !Array.isArray(item)) throw notAList(message, index);
        values.push(await withoutCheckpoint(() => callOnce(item, currentTask() as TaskContext)));
      }
      return values;
    }),
    isFromModule: inner.isFromModule,
    options: isSensitive(inner) ? { sensitive: true } : {},
  };
}

function isSensitive({ options, contract }: RegisteredTask): boolean {
  return options.sensitive ?? contract?.sensitive ?? false;
}

/** The copy of the message would begin with the first item again. */
async function withoutCheckpoint(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (!isCheckpoint(error)) throw error;
    throw new CeleriacError('ERR_WORKFLOW_INVALID', {
      message: 'A task that runs once per item of a map has no checkpoints.',
      hint: 'Send the items as a group: each of them is a task then.',
    });
  }
}

interface OverItems {
  readonly task: string;
  readonly items: readonly unknown[];
}

/** `{ task: signature, it: […] }`, by name or by position. */
function callOf(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): OverItems | undefined {
  const { task = args[0], it = args[1] } = kwargs;
  const name = typeof task === 'string' ? task : (task as { task?: unknown } | null | undefined)?.task;
  return typeof name === 'string' && Array.isArray(it) ? { task: name, items: it } : undefined;
}

/** All that it is given, or one of it: what a group that replaced a task ends in. */
function accumulate(): unknown {
  const { args, kwargs } = (currentTask() as TaskContext).message;
  const { index } = kwargs;
  return typeof index === 'number' ? args.at(index) : args;
}

/** As Celery does it: sends the chunks, and waits for none of them. */
async function sendChunks(): Promise<null> {
  const context = currentTask() as TaskContext;
  const { args, kwargs } = context.message;
  const [task, it, n] = args;
  const all = { task, it, n, ...kwargs };
  const options = { queue: context.queue };
  await context.sendWorkflow(signatureFrom({ task: 'celery.chunks', kwargs: all, options, immutable: true }));
  return null;
}

function notOverItems({ task, id }: TaskMessage): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `'${task}' takes a signature as 'task' and a list as 'it'.`,
    hint: 'Send it as map, starmap or chunks do.',
    values: { task, id },
  });
}

function notAList({ task, id }: TaskMessage, index: number): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `Item ${index} of '${task}' is no list of arguments.`,
    hint: 'Use map for items that are single values.',
    values: { task, id, index },
  });
}

function neverTaken({ task, id }: TaskMessage, passes: number): CeleriacError {
  return new CeleriacError('ERR_TASK_UNKNOWN', {
    message: `'${task}' is run by Python workers only, and in ${passes} turns none has taken it from this queue.`,
    hint: 'Let a Python worker consume the queue, or set a result_backend of redis:// in Python, which needs no such task.',
    values: { task, id, passes },
  });
}

function unknownInner({ task, id }: TaskMessage, inner: string): CeleriacError {
  return new CeleriacError('ERR_TASK_UNKNOWN', {
    message: `'${task}' is to run '${inner}' for every item, which is not registered here, or in batches only.`,
    hint: 'Register it in this worker, or send it to a queue whose workers know it.',
    values: { task: inner, id },
  });
}
