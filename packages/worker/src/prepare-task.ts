/**
 * From a delivery to a task that can run: decodes the message, finds the handler, binds and validates the input.
 * Never throws and runs no handler: what cannot run becomes an Outcome.
 */
import {
  CeleriacError,
  type Config,
  decodeTask,
  type Delivery,
  inputCandidates,
  inputHeader,
  nearest,
  type Outcome,
  parseDuration,
  retryPolicy,
  type RetryPolicy,
  type TaskContract,
  type TaskMessage,
  type Validated,
  type Validator,
} from '@celeriac/core';

import type { Cancellation } from './cancellation.js';
import { type ContextParts, RunningTask, withContext } from './context.js';
import type { RegisteredTask, TaskHandlers } from './handlers.js';
import type { Prepare, Prepared } from './work.js';

export interface PrepareTaskParts {
  readonly handlers: TaskHandlers;
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  /** Time zone of eta and expires without an offset. */
  readonly timeZone: string;
  /** Limits and retries, for tasks that set none themselves. */
  readonly config: Config['task_handler'];
}

/** A reader of task deliveries. */
export function taskPreparer(options: PrepareTaskParts): Prepare {
  const policies = new Map<RegisteredTask, RetryPolicy>();
  const policyOf = (task: RegisteredTask): RetryPolicy => {
    const known = policies.get(task);
    if (known !== undefined) return known;
    const { contract, options: own } = task;
    const policy = retryPolicy(options.config.retry, [contract?.retry, own.retry], own.retryIf !== undefined);
    policies.set(task, policy);
    return policy;
  };
  const parts = { ...options, policyOf };
  return (delivery) => {
    const decoded = decodeTask(delivery, { timeZone: parts.timeZone });
    if (!decoded.ok) {
      const outcome: Outcome = { kind: 'malformed', reason: decoded.reason, error: decoded.error };
      return { outcome, id: delivery.properties.correlationId, name: undefined };
    }
    const { message } = decoded;
    const task = parts.handlers.get(message.task);
    if (task === undefined)
      return ending(message, { kind: 'unknown', error: unknownTask(message, parts.handlers) });
    if (task.contract === undefined) return { work: bareWork(message, task, { delivery, parts }) };
    return contractWork(message, task, { delivery, parts });
  };
}

interface Given {
  readonly delivery: Delivery;
  readonly parts: PrepareTaskParts & { readonly policyOf: (task: RegisteredTask) => RetryPolicy };
}

function ending(message: TaskMessage, outcome: Outcome): Prepared {
  return { outcome, id: message.id, name: message.task };
}

function bareWork(message: TaskMessage, task: RegisteredTask, given: Given) {
  const { args, kwargs } = message;
  const all = Object.keys(kwargs).length === 0 ? args : [...args, kwargs];
  return work(message, task, { ...given, call: () => task.handler(...all) });
}

async function contractWork(message: TaskMessage, task: RegisteredTask, given: Given): Promise<Prepared> {
  const contract = task.contract as NonNullable<RegisteredTask['contract']>;
  const { args, kwargs, headers } = message;
  const candidates = inputCandidates(contract, { args, kwargs, single: headers[inputHeader] === 'value' });
  if (!candidates.ok) return ending(message, { kind: 'invalid', error: candidates.error });
  const checked = await firstThatFits(contract, candidates.values, given.parts.validator);
  if (!checked.ok) return ending(message, { kind: 'invalid', error: checked.error });
  const { value } = checked;
  return { work: work(message, task, { ...given, call: (context) => task.handler(value, context) }) };
}

/** The first candidate that fits; else what is wrong with the likeliest. */
async function firstThatFits(
  contract: TaskContract,
  [likeliest, ...others]: readonly [unknown, ...unknown[]],
  validator: Validator,
): Promise<Validated> {
  const checked = await validator.checkInput(contract, likeliest);
  if (checked.ok) return checked;
  for (const other of others) {
    const fits = await validator.checkInput(contract, other);
    if (fits.ok) return fits;
  }
  return checked;
}

function work(
  message: TaskMessage,
  task: RegisteredTask,
  { delivery, parts, call }: Given & { call: (context: RunningTask) => unknown },
) {
  return {
    id: message.id,
    name: message.task,
    eta: message.eta,
    expires: message.expires,
    softLimitMs: softLimitMs(message, task, parts),
    retries: message.retries,
    policy: parts.policyOf(task),
    retryIf: task.options.retryIf,
    run: (cancellation: Cancellation) => {
      const context = new RunningTask(message, { delivery, cancellation }, parts.contextParts);
      return withContext(context, () => call(context));
    },
  };
}

function softLimitMs(
  message: TaskMessage,
  task: RegisteredTask,
  { config }: PrepareTaskParts,
): number | undefined {
  const own = task.contract?.timeLimit?.soft ?? task.options.softTimeLimit;
  const seconds = message.timeLimit.soft ?? (own === undefined ? config.soft_time_limit : parseDuration(own));
  return seconds === undefined ? undefined : seconds * 1000;
}

function unknownTask({ task, id }: TaskMessage, handlers: TaskHandlers): CeleriacError {
  const near = nearest(task, handlers.names);
  return new CeleriacError('ERR_TASK_UNKNOWN', {
    message: `No task is registered under the name '${task}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
    hint: 'Register it in this worker, or send it to a queue whose workers know it.',
    values: { task, id },
  });
}
