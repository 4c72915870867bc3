/**
 * Sends tasks: validates the input against its contract, chooses the queue, encodes, and publishes. Resolves when
 * the broker has confirmed a persistent message in a queue. Used by the publisher, and by handlers that send
 * further tasks. Opens no connections.
 */
import type { Ensures } from './amqp/declare.js';
import { backpressure } from './amqp/publish-error.js';
import { celeryQueue, taskQueue, type Topology } from './amqp/topology.js';
import { buildTaskMessage, type Call, type Lineage, type SendOptions } from './build-message.js';
import type { Clock } from './clock.js';
import { parseDuration } from './config/duration.js';
import type { Config } from './config/types.js';
import { inputHeader, toCall } from './contract/call.js';
import type { TaskContract } from './contract/task.js';
import { type CeleriacError, isCeleriacError } from './errors.js';
import { Delays } from './delays.js';
import type { SentEvents } from './monitoring/sent-events.js';
import type { PayloadCheckIn } from './payloads/check-in.js';
import type { MessageSink, OutgoingMessage, SentMessage } from './ports.js';
import { routeTask } from './policy/routing.js';
import type { PreparedTask } from './prepared.js';
import { encodeTask, timeToLive } from './protocol/celery-v2.js';
import type { Replies } from './results/result-store.js';
import { sendAll } from './send-many.js';

/** Anything that sends tasks: a publisher, or the context of a running handler. */
export interface TaskSender {
  /**
   * Sends one task. `task` is a contract, or a registered name with untyped input: a list travels as positional
   * arguments, an object as keyword arguments, another value as the only argument.
   *
   * Rejects with ERR_INPUT_INVALID, ERR_NOT_SERIALIZABLE, ERR_MESSAGE_TOO_LARGE, ERR_PAYLOAD_STORE, ERR_PUBLISH_UNROUTABLE,
   * ERR_PUBLISH_NACKED, ERR_PUBLISH_REFUSED, ERR_PUBLISH_BLOCKED, ERR_PUBLISH_TIMEOUT,
   * ERR_PUBLISH_BACKPRESSURE, ERR_TOPOLOGY_… or ERR_CLOSED; `error.values.outcome` says whether the message is
   * stored.
   */
  send<Input>(
    task: TaskContract<Input, unknown, unknown>,
    input: NoInfer<Input>,
    options?: SendOptions,
  ): Promise<SentMessage>;
  send(task: string, input?: unknown, options?: SendOptions): Promise<SentMessage>;
  /**
   * Sends one task per input, pipelined, reading `inputs` only as fast as the broker confirms. Resolves with one
   * receipt per input, in order. When one fails no further input is read; the rest is awaited, and the call
   * rejects with ERR_SEND_MANY, whose `values` count what was sent and what failed.
   */
  sendMany<Input>(
    task: TaskContract<Input, unknown, unknown>,
    inputs: Iterable<NoInfer<Input>> | AsyncIterable<NoInfer<Input>>,
    options?: SendManyOptions,
  ): Promise<SentMessage[]>;
  sendMany(
    task: string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options?: SendManyOptions,
  ): Promise<SentMessage[]>;
}

export type SendManyOptions = Omit<SendOptions, 'id'>;

export interface TaskSenderParts {
  readonly config: Config;
  readonly sink: MessageSink;
  readonly declarer: Ensures;
  readonly clock: Clock;
  readonly newId: () => string;
  /** `gen<pid>@<host>`. */
  readonly origin: string;
  /** What becomes of large bodies; absent: they are sent as they are. */
  readonly payloads?: Pick<PayloadCheckIn, 'checkIn'> | undefined;
  /** The task being run, for messages sent from within one. */
  readonly parent?: Lineage | undefined;
  /** Told of every message that the broker has confirmed. Not awaited, must not throw. */
  readonly onSent?: (id: string) => void;
  /** Tells monitors of what was sent; absent: they are not told. */
  readonly sentEvents?: Pick<SentEvents, 'tell'> | undefined;
  /** How results come back; absent: nobody here reads them. */
  readonly replies?: Replies | undefined;
}

type Sending = Pick<PreparedTask, 'id' | 'queue' | 'body' | 'properties'> & {
  readonly eta: number | undefined;
};
type Deliver = Pick<SendOptions, 'timeout'> & { readonly replies?: Replies };

/** More queues than this are not remembered: their names may come from data. */
const mostQueues = 1000;

export class BrokerTaskSender implements TaskSender {
  #parts: TaskSenderParts;
  #delays: Delays;
  /** Calls of `send` whose message is not made yet. */
  #unprepared = 0;
  #prepare = new Map<string, () => Promise<void> | undefined>();

  constructor(parts: TaskSenderParts) {
    this.#parts = parts;
    this.#delays = taskDelays(parts);
  }

  async send(task: TaskContract | string, input?: unknown, options: SendOptions = {}): Promise<SentMessage> {
    // Refused before they are encoded: many calls in one turn come here before the first message is taken on.
    if (this.#unprepared >= this.#parts.config.tasks.max_unsettled_messages)
      throw this.#crowded(task, options);
    this.#unprepared++;
    let prepared: PreparedTask;
    try {
      prepared = await prepareTask(this.#parts, { task, input, options });
    } finally {
      this.#unprepared--;
    }
    const sent = await this.#publish(prepared, options);
    this.#parts.onSent?.(sent.id);
    return sent;
  }

  /** Publishes what `prepareTask` made, some time ago: its delay and its time to live are what is left of them. @internal */
  sendPrepared(prepared: PreparedTask, options: Pick<SendOptions, 'timeout'> = {}): Promise<SentMessage> {
    const { expiration: _passed, ...kept } = prepared.properties;
    const left = timeToLive(prepared.expires, this.#parts.clock.now());
    return this.#publish({ ...prepared, properties: { ...kept, ...left } }, options);
  }

  async #publish(prepared: PreparedTask, options: Pick<SendOptions, 'timeout'>): Promise<SentMessage> {
    const { replies, payloads } = this.#parts;
    const storing = payloads?.checkIn(prepared);
    const {
      id,
      eta,
      queue,
      body,
      properties,
      isAwaited = false,
    } = storing === undefined ? prepared : await storing;
    if (!isAwaited || replies === undefined) {
      return this.#send({ id, eta, queue, body, properties }, options);
    }
    replies.expect?.(id, eta); // before it is published: its result may be here before the confirm
    try {
      return await this.#send({ id, eta, queue, body, properties }, { ...options, replies });
    } catch (error) {
      if (isCeleriacError(error) && error.values.outcome !== 'unknown') replies.withdraw?.(id);
      throw error;
    }
  }

  async #send(sending: Sending, options: Deliver): Promise<SentMessage> {
    const sent = await this.#sendOrDelay(sending, options);
    this.#parts.sentEvents?.tell(sending.properties.headers ?? {}, { ...sent, queue: sending.queue });
    return sent;
  }

  async #sendOrDelay({ id, eta, queue, ...encoded }: Sending, options: Deliver): Promise<SentMessage> {
    const now = this.#parts.clock.now();
    if (eta === undefined || eta <= now) {
      const outgoing = { exchange: '', routingKey: queue, ...encoded, prepare: this.#preparing(queue) };
      await this.#deliver(queue, outgoing, options);
      return { id, exchange: '', routingKey: queue };
    }
    const outgoing = this.#delays.message(encoded, { queue, delayMs: eta - now });
    await this.#deliver(queue, outgoing, options);
    const { exchange, routingKey } = outgoing;
    return { id, exchange, routingKey, eta: new Date(eta) };
  }

  sendMany(
    task: TaskContract | string,
    inputs: Iterable<unknown> | AsyncIterable<unknown>,
    options: SendManyOptions = {},
  ): Promise<SentMessage[]> {
    const { clock, config } = this.#parts;
    const window = Math.min(1000, Math.max(1, Math.floor(config.tasks.max_unsettled_messages / 2)));
    return sendAll(inputs, { window, clock, send: (input) => this.send(task, input, options) });
  }

  async #deliver(queue: string, outgoing: OutgoingMessage, { timeout, replies }: Deliver): Promise<void> {
    const message = replies === undefined ? outgoing : withReplies(outgoing, replies);
    const { declarer, sink, clock, config } = this.#parts;
    const timeoutMs =
      timeout === undefined ? config.tasks.publish_timeout * 1000 : parseDuration(timeout) * 1000;
    const end = clock.monotonic() + timeoutMs;
    try {
      await sink.publish(message, { timeoutMs });
    } catch (error) {
      if (!isMissing(error)) throw error;
      // It was deleted after we had declared it: declare it again, once.
      if (message.exchange === '') declarer.forget(queue);
      else this.#delays.forget(queue);
      await sink.publish(message, { timeoutMs: Math.max(1, end - clock.monotonic()) });
    }
  }

  #crowded(task: TaskContract | string, { id, queue }: SendOptions): CeleriacError {
    const name = typeof task === 'string' ? task : task.name;
    const routingKey = queue ?? queueFor(name, this.#parts.config);
    const message = { exchange: '', routingKey, properties: id === undefined ? {} : { messageId: id } };
    return backpressure(message, { count: this.#unprepared, bytes: 0 });
  }

  /** What makes sure that the queue exists; one function per queue, as messages are many. */
  #preparing(queue: string): () => Promise<void> | undefined {
    const known = this.#prepare.get(queue);
    if (known !== undefined) return known;
    const { declarer, config } = this.#parts;
    const topology = (): Topology => taskTopology(config, queue);
    const prepare = (): Promise<void> | undefined => declarer.ensure(queue, topology);
    if (this.#prepare.size < mostQueues) this.#prepare.set(queue, prepare);
    return prepare;
  }
}

/** Published once a reply would arrive as well. */
function withReplies(message: OutgoingMessage, replies: Replies): OutgoingMessage {
  const prepare = (): Promise<void> | undefined => {
    const [target, reply] = [message.prepare?.(), replies.prepare?.()];
    return target === undefined || reply === undefined
      ? (target ?? reply)
      : Promise.all([target, reply]).then(() => undefined);
  };
  return { ...message, prepare };
}

function isMissing(error: unknown): boolean {
  return isCeleriacError(error, 'ERR_PUBLISH_UNROUTABLE') || isCeleriacError(error, 'ERR_EXCHANGE_NOT_FOUND');
}

/** Delayed delivery to task queues, by the configuration. */
function taskDelays({ config, declarer }: TaskSenderParts): Delays {
  const { delayed_delivery_queue_type: queueType } = config.tasks;
  return new Delays({ declarer, queueType, topologyOf: (queue) => taskTopology(config, queue) });
}

/** What has to exist for a task queue, by the configuration. */
export function taskTopology(config: Config, queue: string): Topology {
  const { compatibility, queue_type: type, dead_letter_expiry: deadLetterExpiry } = config.tasks;
  const options = { queue, type, deadLetterExpiry };
  return compatibility === 'celery' ? celeryQueue(options) : taskQueue(options);
}

/** What preparing a task needs: no connection. */
export type TaskPreparationParts = Pick<
  TaskSenderParts,
  'config' | 'clock' | 'newId' | 'origin' | 'parent' | 'replies'
>;

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
  const message = buildTaskMessage(call, settings, sender);
  const queue = settings.queue ?? queueFor(call.task, config);
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

function queueFor(name: string, { tasks }: Config): string {
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
