/**
 * Makes a task's message: validates the input against its contract, chooses the queue, and encodes. Publishes nothing and
 * needs no connection.
 */
import { buildTaskMessage, type Call, type Lineage, type SendOptions } from './build-message.js';
import type { Clock } from './clock.js';
import type { Config } from './config/types.js';
import { inputHeader, toCall } from './contract/call.js';
import type { TaskContract } from './contract/task.js';
import { keyHeaders } from './plan-keys.js';
import { routeTask } from './policy/routing.js';
import { checkedQueueName } from './policy/queue-name.js';
import type { PreparedTask } from './prepared.js';
import { encodeTask } from './protocol/celery-v2.js';
import type { Replies } from './results/result-store.js';

/** What preparing a task needs: no connection. */
export interface TaskPreparationParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly newId: () => string;
  /** `gen<pid>@<host>`. */
  readonly origin: string;
  /** The task being run, for messages sent from within one. */
  readonly parent?: Lineage | undefined;
  /** How results come back; absent: nobody here reads them. */
  readonly replies?: Replies | undefined;
}

export interface WantedTask {
  readonly task: TaskContract | string;
  readonly input: unknown;
  readonly options: SendOptions;
}

/** Validates, routes and encodes; publishes nothing. Rejects as `send` does before it publishes. */
export async function prepareTask(
  { config, clock, newId, origin, parent, replies = storedReplies(config) }: TaskPreparationParts,
  { task, input, options }: WantedTask,
): Promise<PreparedTask> {
  const contract = typeof task === 'string' ? undefined : task;
  const call =
    contract === undefined ? bareCall(task as string, input, options) : await contractCall(contract, input);
  const settings = contract === undefined ? options : { ...contractDefaults(contract, options), ...options };
  const wanted = (settings.ignoreResult ?? config.tasks.ignore_result) ? undefined : replies;
  const sender = { now: clock.now(), newId, origin, parent, replies: wanted };
  const keyed = keyHeaders({ name: call.task, contract, input, options, newId });
  const all = keyed === undefined ? call : { ...call, headers: { ...call.headers, ...keyed } };
  const message = buildTaskMessage(all, settings, sender);
  const queue = checkedQueueName(settings.queue ?? queueFor(call.task, config));
  const { id, eta, expires } = message;
  return {
    kind: 'task',
    id,
    name: call.task,
    queue,
    ...(eta === undefined ? {} : { eta }),
    ...(expires === undefined ? {} : { expires }),
    ...(wanted === undefined ? {} : { isAwaited: true }),
    ...encodeTask(message, clock.now()),
  };
}

/** Results in a store can be read by anyone, later: also of tasks that are sent by tasks, or from an outbox. */
function storedReplies({ tasks }: Config): Replies | undefined {
  return tasks.result_backend?.kind === 'redis' ? {} : undefined;
}

/** Where a task goes whose sender names no queue. */
export function queueFor(name: string, { tasks }: Config): string {
  return routeTask(tasks.routes, name) ?? tasks.default_queue;
}

function bareCall(task: string, input: unknown, options: SendOptions): Call {
  const { args, kwargs } = toCall(input);
  return { task, args, kwargs: { ...kwargs, ...options.kwargs } };
}

async function contractCall(contract: TaskContract, input: unknown): Promise<Call> {
  // Contracts without a schema load no validator: the publisher stays light.
  if (contract.input !== undefined) {
    const { checkedInput } = await import('./contract/validate.js');
    await checkedInput(contract, input);
  }
  const { args, kwargs, single } = toCall(input);
  return { task: contract.name, args, kwargs, ...(single ? { headers: { [inputHeader]: 'value' } } : {}) };
}

function contractDefaults(contract: TaskContract, { countdown, eta }: SendOptions): SendOptions {
  const { queue, priority, expires, timeLimit, delay, ignoreResult, sensitive } = contract;
  return {
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(expires === undefined ? {} : { expires }),
    ...(delay === undefined || countdown !== undefined || eta !== undefined ? {} : { delay }),
    ...(timeLimit === undefined ? {} : { timeLimit }),
    ...(ignoreResult === undefined ? {} : { ignoreResult }),
    ...(sensitive === undefined ? {} : { sensitive }),
  };
}
