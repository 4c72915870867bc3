/**
 * From a delivery to a task that can run: decodes the message, finds the handler, binds and validates the input.
 * Never throws and runs no handler: what cannot run becomes an Outcome.
 */
import {
  CeleriacError,
  type Config,
  decodeTask,
  type Delivery,
  inputHeader,
  type MessageProperties,
  nearest,
  type Outcome,
  parseDuration,
  type Received,
  retryPolicy,
  type RetryPolicy,
  taskCrashes,
  type TaskMessage,
  type Validator,
} from '@celeriac/core';

import { Batcher, type BatcherParts } from './batch.js';
import { boundInput } from './bound-input.js';
import { builtInTasks, type FindBuiltIn } from './built-in-tasks.js';
import type { Cancellation } from './cancellation.js';
import { type ContextParts, RunningTask, type TaskContext, withContext } from './context.js';
import type { ToldLimits } from './control/told-limits.js';
import { readsInput, type RegisteredTask, type TaskHandlers } from './handlers.js';
import type { Redeem } from './redeem.js';
import type { Prepare, Prepared, Work } from './work.js';

export interface PrepareTaskParts {
  readonly handlers: TaskHandlers;
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  /** Time zone of eta and expires without an offset. */
  readonly timeZone: string;
  /** Limits and retries, for tasks that set none themselves. */
  readonly config: Config['task_handler'];
  /** Limits that are told while the worker runs; absent in children. */
  readonly told?: Pick<ToldLimits, 'timesOf'>;
  /** Fetches bodies that are kept elsewhere; absent in children, which get messages that are read. */
  readonly redeem?: Redeem;
  /** For tasks of batches, in the worker itself. */
  readonly batching?: Omit<BatcherParts, 'name'>;
  /** True: a child runs them, which binds and validates the input as well. */
  readonly elsewhere?: boolean;
}

/** A reader of task deliveries. */
export function taskPreparer(options: PrepareTaskParts): Prepare {
  const policies = new Map<RegisteredTask, RetryPolicy>();
  const policyOf = (task: RegisteredTask): RetryPolicy => {
    const known = policies.get(task);
    if (known !== undefined) return known;
    const policy = policyFor(task, options);
    policies.set(task, policy);
    return policy;
  };
  const builtIn = builtInsOf(options);
  const read = reader({ ...options, policyOf, batcherOf: batchers(options), builtIn });
  return (delivery) => {
    const redeeming = options.redeem?.(delivery);
    if (redeeming === undefined) return read(delivery, delivery);
    return redeeming.then((redeemed) =>
      'ended' in redeemed ? redeemed.ended : read(delivery, redeemed.received),
    );
  };
}

/** Decodes a message and finds its handler: that of the delivery, or one whose body was fetched. */
function reader(
  parts: Given['parts'] & { readonly builtIn: FindBuiltIn },
): (delivery: Delivery, received: Received) => Prepared | Promise<Prepared> {
  return (delivery, received) => {
    const decoded = decodeTask(received, { timeZone: parts.timeZone });
    if (!decoded.ok) {
      const outcome: Outcome = { kind: 'malformed', reason: decoded.reason, error: decoded.error };
      return { outcome, id: delivery.properties.correlationId, name: undefined };
    }
    const { message } = decoded;
    const found = taskFor(message, received.properties, parts);
    if ('outcome' in found) return ending(message, found.outcome);
    const { task } = found;
    const crashes = taskCrashes(delivery.properties);
    const elsewhere = parts.elsewhere === true && task.batch === undefined;
    const given = { delivery, parts, crashes, elsewhere };
    if (elsewhere && !task.isFromModule)
      return ending(message, { kind: 'unknown', error: notInModule(message) });
    if (!elsewhere || readsInput(task)) return prepared(message, task, given);
    return { work: work(message, task, { given, input: undefined, call: runsElsewhere }) };
  };
}

/** For `taskFor`. */
export function builtInsOf({ handlers, validator, contextParts }: PrepareTaskParts): FindBuiltIn {
  const { logger, taskSenderParts } = contextParts;
  return builtInTasks({ handlers, validator, logger, now: () => taskSenderParts.clock.now() });
}

/** What is registered, else what is built in, else how the message ends. */
export function taskFor(
  message: TaskMessage,
  properties: MessageProperties,
  { handlers, builtIn }: { readonly handlers: TaskHandlers; readonly builtIn: FindBuiltIn },
): { readonly task: RegisteredTask } | { readonly outcome: Outcome } {
  const task = handlers.get(message.task);
  if (task !== undefined) return { task };
  return (
    builtIn(message, properties) ?? { outcome: { kind: 'unknown', error: unknownTask(message, handlers) } }
  );
}

/** A decoded message as work for this task, or what is wrong with its input. For children of a pool. */
export function prepareMessage(
  message: TaskMessage,
  task: RegisteredTask,
  { delivery, parts }: { delivery: From; parts: PrepareTaskParts },
): Prepared | Promise<Prepared> {
  const policyOf = (one: RegisteredTask): RetryPolicy => policyFor(one, parts);
  const all = { ...parts, policyOf, batcherOf: batchers(parts) };
  return prepared(message, task, { delivery, parts: all, crashes: 0, elsewhere: false });
}

function prepared(message: TaskMessage, task: RegisteredTask, given: Given): Prepared | Promise<Prepared> {
  if (task.contract === undefined) return { work: bareWork(message, task, given) };
  return contractWork(message, task, given);
}

function policyFor({ contract, options: own }: RegisteredTask, { config }: PrepareTaskParts): RetryPolicy {
  return retryPolicy(config.retry, [contract?.retry, own.retry], own.retryIf !== undefined);
}

type From = Pick<Delivery, 'queue' | 'redelivered' | 'properties'>;

interface Given {
  readonly delivery: From;
  readonly parts: PrepareTaskParts & {
    readonly policyOf: (task: RegisteredTask) => RetryPolicy;
    readonly batcherOf: (task: RegisteredTask) => TaskBatcher | undefined;
  };
  readonly crashes: number;
  readonly elsewhere: boolean;
}

interface Calling {
  readonly given: Given;
  readonly input: unknown;
  readonly call: (context: RunningTask) => unknown;
}

type TaskBatcher = Batcher<unknown, TaskContext>;

/** One for each task of batches, made when its first message comes. */
function batchers({ batching }: PrepareTaskParts): (task: RegisteredTask) => TaskBatcher | undefined {
  const known = new Map<RegisteredTask, TaskBatcher>();
  return (task) => {
    const { name, handler, batch } = task;
    if (batch === undefined || batching === undefined) return undefined;
    const made = known.get(task) ?? new Batcher(batch, handler, { ...batching, name });
    known.set(task, made);
    return made;
  };
}

function runsElsewhere(): never {
  throw new Error('Work of a pool of threads or processes was run in the worker itself.');
}

function ending(message: TaskMessage, outcome: Outcome): Prepared {
  return { outcome, id: message.id, name: message.task, message };
}

function bareWork(message: TaskMessage, task: RegisteredTask, given: Given) {
  const { args, kwargs } = message;
  const all = Object.keys(kwargs).length === 0 ? args : [...args, kwargs];
  return work(message, task, { given, input: all, call: () => task.handler(...all) });
}

async function contractWork(message: TaskMessage, task: RegisteredTask, given: Given): Promise<Prepared> {
  const contract = task.contract as NonNullable<RegisteredTask['contract']>;
  const { args, kwargs, headers } = message;
  const call = { args, kwargs, single: headers[inputHeader] === 'value' };
  const checked = await boundInput(contract, [call], given.parts.validator);
  if (!checked.ok) return ending(message, { kind: 'invalid', error: checked.error });
  const { value } = checked;
  return {
    work: work(message, task, { given, input: value, call: (context) => task.handler(value, context) }),
  };
}

function work(message: TaskMessage, task: RegisteredTask, { given, input, call: callHere }: Calling): Work {
  const { delivery, parts, crashes, elsewhere } = given;
  const batcher = parts.batcherOf(task);
  const call = elsewhere ? runsElsewhere : callHere;
  return {
    id: message.id,
    name: message.task,
    eta: message.eta,
    expires: message.expires,
    softLimitMs: limitMs(message, task, { kind: 'soft', parts }),
    hardLimitMs: limitMs(message, task, { kind: 'hard', parts }),
    crashes,
    maxCrashes: parts.config.max_crashes,
    input,
    isBatched: batcher !== undefined,
    message,
    onLost: task.options.onLost ?? parts.config.on_lost,
    isSensitive: isSensitive(task),
    retries: message.retries,
    policy: parts.policyOf(task),
    retryIf: task.options.retryIf,
    run: (cancellation: Cancellation, fencing?: number) => {
      const context = new RunningTask(message, { delivery, cancellation, fencing }, parts.contextParts);
      if (batcher !== undefined) return batcher.add(input, context, cancellation);
      return withContext(context, () => call(context));
    },
  };
}

function isSensitive({ contract, options }: RegisteredTask): boolean {
  return options.sensitive ?? contract?.sensitive ?? false;
}

/** The sender's limit, then what was told, or else the contract's or registration's; then the configured one. */
function limitMs(
  message: TaskMessage,
  { contract, options }: RegisteredTask,
  { kind, parts }: { kind: 'soft' | 'hard'; parts: PrepareTaskParts },
): number | undefined {
  const registered = kind === 'soft' ? options.softTimeLimit : options.hardTimeLimit;
  const configured = kind === 'soft' ? parts.config.soft_time_limit : parts.config.hard_time_limit;
  const told = parts.told?.timesOf(message.task);
  const own = told === undefined ? (contract?.timeLimit?.[kind] ?? registered) : told[kind];
  const seconds = message.timeLimit[kind] ?? (own === undefined ? configured : parseDuration(own));
  return seconds === undefined ? undefined : seconds * 1000;
}

function notInModule({ task, id }: TaskMessage): CeleriacError {
  return new CeleriacError('ERR_POOL_HANDLERS', {
    message: `The task '${task}' runs in threads or processes here, but no module registers it there.`,
    hint: 'Register it in a module that the worker loads, or send it to a queue with the inline pool.',
    values: { task, id },
  });
}

function unknownTask({ task, id }: TaskMessage, handlers: TaskHandlers): CeleriacError {
  const near = nearest(task, handlers.names);
  return new CeleriacError('ERR_TASK_UNKNOWN', {
    message: `No task is registered under the name '${task}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
    hint: 'Register it in this worker, or send it to a queue whose workers know it.',
    values: { task, id },
  });
}
