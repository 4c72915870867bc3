/**
 * Sends tasks: what `prepareTask` made is published, at once or through the delay queues. Resolves when the broker has
 * confirmed a persistent message in a queue. Used by the publisher, and by handlers that send further tasks. Opens no
 * connections.
 */
import type { Ensures } from './amqp/declare.js';
import { backpressure } from './amqp/publish-error.js';
import { celeryQueue, taskQueue, type Topology } from './amqp/topology.js';
import type { SendOptions } from './build-message.js';
import { parseDuration } from './config/duration.js';
import type { Config } from './config/types.js';
import type { TaskContract } from './contract/task.js';
import { type CeleriacError, isCeleriacError } from './errors.js';
import { Delays } from './delays.js';
import type { SentEvents } from './monitoring/sent-events.js';
import type { PayloadCheckIn } from './payloads/check-in.js';
import type { SendKeyStore } from './key-store/key-store.js';
import type { KeyStoreSource } from './key-store/open.js';
import { KeyedSends } from './keyed-sends.js';
import type { MessageSink, OutgoingMessage, SentMessage } from './ports.js';
import { prepareTask, queueFor, type TaskPreparationParts } from './prepare-task.js';
import type { PreparedTask } from './prepared.js';
import { timeToLive } from './protocol/celery-v2.js';
import type { Replies } from './results/result-store.js';
import { readPlan } from './protocol/key-headers.js';
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
   * stored. With `unique` or `debounce` also with ERR_UNIQUE_PENDING or ERR_REDIS_…: nothing was sent then.
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

export interface TaskSenderParts extends TaskPreparationParts {
  readonly sink: MessageSink;
  readonly declarer: Ensures;
  /** What becomes of large bodies; absent: they are sent as they are. */
  readonly payloads?: Pick<PayloadCheckIn, 'checkIn'> | undefined;
  /** Asked for tasks that are unique or debounced; without one they are sent as if they were not. */
  readonly keyStore?: Pick<KeyStoreSource<SendKeyStore>, 'open'> | undefined;
  /** Told of every message that the broker has confirmed. Not awaited, must not throw. */
  readonly onSent?: (id: string) => void;
  /** Tells monitors of what was sent; absent: they are not told. */
  readonly sentEvents?: Pick<SentEvents, 'tell'> | undefined;
}

interface Deliver {
  readonly timeoutMs: number;
  readonly replies?: Replies;
}

/** More queues than this are not remembered: their names may come from data. */
const mostQueues = 1000;

export class BrokerTaskSender implements TaskSender {
  #parts: TaskSenderParts;
  #delays: Delays;
  /** Calls of `send` whose message is not made yet. */
  #unprepared = 0;
  #prepare = new Map<string, () => Promise<void> | undefined>();
  #keyed: KeyedSends | undefined;

  constructor(parts: TaskSenderParts) {
    this.#parts = parts;
    this.#delays = taskDelays(parts);
    const { keyStore, config, clock } = parts;
    if (keyStore !== undefined) this.#keyed = new KeyedSends({ keyStore, config, clock });
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
  async sendPrepared(
    prepared: PreparedTask,
    options: Pick<SendOptions, 'timeout'> = {},
  ): Promise<SentMessage> {
    const { expiration: _passed, ...kept } = prepared.properties;
    const left = timeToLive(prepared.expires, this.#parts.clock.now());
    return this.#publish({ ...prepared, properties: { ...kept, ...left } }, options);
  }

  /** Throws for a timeout that is none. */
  #publish(prepared: PreparedTask, options: Pick<SendOptions, 'timeout'>): Promise<SentMessage> {
    const timeoutMs = this.#timeoutMs(options);
    const publish = (ready: PreparedTask): Promise<SentMessage> => this.#publishNow(ready, timeoutMs);
    const plan = this.#keyed && readPlan(prepared.properties.headers);
    if (plan === undefined) return publish(prepared);
    return (this.#keyed as KeyedSends).send(plan, { prepared, timeoutMs, publish });
  }

  async #publishNow(prepared: PreparedTask, timeoutMs: number): Promise<SentMessage> {
    const { replies, payloads } = this.#parts;
    const storing = payloads?.checkIn(prepared);
    const ready = storing === undefined ? prepared : await storing;
    if (prepared.isAwaited !== true || replies === undefined) return this.#send(ready, { timeoutMs });
    const { id, eta } = ready;
    replies.expect?.(id, eta); // before it is published: its result may be here before the confirm
    try {
      return await this.#send(ready, { timeoutMs, replies });
    } catch (error) {
      if (isCeleriacError(error) && error.values.outcome !== 'unknown') replies.withdraw?.(id);
      throw error;
    }
  }

  async #send(prepared: PreparedTask, how: Deliver): Promise<SentMessage> {
    const sent = await this.#sendOrDelay(prepared, how);
    this.#parts.sentEvents?.tell(prepared.properties.headers ?? {}, { ...sent, queue: prepared.queue });
    return sent;
  }

  async #sendOrDelay({ id, eta, queue, body, properties }: PreparedTask, how: Deliver): Promise<SentMessage> {
    const encoded = { body, properties };
    const now = this.#parts.clock.now();
    if (eta === undefined || eta <= now) {
      const outgoing = { exchange: '', routingKey: queue, ...encoded, prepare: this.#preparing(queue) };
      await this.#deliver(queue, outgoing, how);
      return { id, exchange: '', routingKey: queue };
    }
    const outgoing = this.#delays.message(encoded, { queue, delayMs: eta - now });
    await this.#deliver(queue, outgoing, how);
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

  #timeoutMs({ timeout }: Pick<SendOptions, 'timeout'>): number {
    const { publish_timeout: usual } = this.#parts.config.tasks;
    return (timeout === undefined ? usual : parseDuration(timeout)) * 1000;
  }

  async #deliver(queue: string, outgoing: OutgoingMessage, { timeoutMs, replies }: Deliver): Promise<void> {
    const message = replies === undefined ? outgoing : withReplies(outgoing, replies);
    const { declarer, sink, clock } = this.#parts;
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
  const { consumer_timeout: consumerTimeout } = config.tasks;
  const options = { queue, type, deadLetterExpiry, consumerTimeout };
  return compatibility === 'celery' ? celeryQueue(options) : taskQueue(options);
}
