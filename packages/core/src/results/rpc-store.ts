/**
 * Results by `rpc://`: one reply queue per publisher, made when the first task is sent whose result is wanted. The
 * queue is durable and expires after a while without a consumer, so replies outlive a lost connection and a restart of
 * the broker, and nothing is left of a publisher that was killed (ADR 0032). Closed properly, it is deleted at once.
 *
 * Source: celery/backends/rpc.py; workers only need its name.
 */
import { deleteQueue } from '../amqp/delete-queue.js';
import { Consumer } from '../amqp/consumer.js';
import { Declarer } from '../amqp/declare.js';
import type { Session } from '../amqp/session.js';
import type { Topology } from '../amqp/topology.js';
import type { BrokerOptions, Publishing } from '../broker.js';
import { CeleriacError } from '../errors.js';
import type { Delivery } from '../ports.js';
import { decodeResult, type ResultRecord } from '../protocol/result.js';
import { ReplyBox } from './reply-box.js';
import type { Replies, ResultStore } from './result-store.js';

export interface RpcStoreOptions extends Pick<BrokerOptions, 'config' | 'logger' | 'clock'> {
  /** The connection that tasks are published over: what is published after the queue was declared finds it. */
  readonly publishing: Pick<Publishing, 'session'>;
  /** Opens the connection that replies are consumed over. */
  readonly openSession: () => Session;
  readonly newId: () => string;
}

/** Without a consumer the queue lives this long, or as long as results do where that is shorter. */
const longestUnusedMs = 10 * 60_000;
/** Replies on their way to us; they are acknowledged as they come. */
const prefetch = 200;

export class RpcStore implements ResultStore {
  readonly replies: Replies;
  #options: RpcStoreOptions;
  #queue: string;
  #topology: Topology;
  #declarer: Declarer;
  #box: ReplyBox;
  #session: Session | undefined;
  #consumer: Consumer | undefined;
  #failure: CeleriacError | undefined;

  constructor(options: RpcStoreOptions) {
    const { config, logger, clock, publishing, newId } = options;
    const expiresMs = config.tasks.result_expires * 1000;
    const unusedMs = expiresMs === 0 ? longestUnusedMs : Math.min(expiresMs, longestUnusedMs);
    this.#options = options;
    this.#queue = `celeriac.reply.${newId()}`;
    this.#topology = {
      exchanges: [],
      queues: [{ name: this.#queue, arguments: { 'x-expires': Math.max(1000, Math.round(unusedMs)) } }],
      bindings: [],
    };
    this.#box = new ReplyBox({ clock, logger, expiresMs });
    this.#declarer = new Declarer({ session: publishing.session, logger, clock, create: true });
    this.replies = {
      replyTo: this.#queue,
      prepare: () => this.#prepare(),
      expect: (id, due) => this.#box.expect(id, due),
      withdraw: (id) => this.#box.withdraw(id),
    };
  }

  /** Tasks whose reply is awaited or unread. */
  get pending(): number {
    return this.#box.size;
  }

  read(id: string): Promise<ResultRecord | undefined> {
    return new Promise((resolve) => resolve(this.#box.read(id)));
  }

  wait(id: string, signal: AbortSignal): Promise<ResultRecord> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#box.take(id, signal);
  }

  forget(id: string): Promise<void> {
    this.#box.withdraw(id);
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#fail(
      new CeleriacError('ERR_CLOSED', { message: 'The publisher was closed while a result was awaited.' }),
    );
    const session = this.#session;
    if (session === undefined) return;
    await this.#consumer?.close();
    await deleteQueue(session, this.#queue, this.#options.clock);
    await session.close();
  }

  #prepare(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#consumer === undefined) this.#consume();
    return this.#declarer.ensure(this.#queue, () => this.#topology);
  }

  #consume(): void {
    const { openSession, logger, clock } = this.#options;
    const session = openSession();
    const declarer = this.#declarer.over(session);
    this.#session = session;
    this.#consumer = new Consumer({
      session,
      queue: this.#queue,
      prefetch,
      declare: () => declarer.declare(this.#topology),
      onDelivery: (delivery) => this.#receive(delivery),
      logger,
      clock,
    });
    this.#consumer.events.on('failed', (error) => this.#fail(error));
    this.#consumer.start();
  }

  #fail(error: CeleriacError): void {
    this.#failure ??= error;
    this.#box.fail(error);
  }

  #receive(delivery: Delivery): void {
    const { correlationId } = delivery.properties;
    try {
      // The correlation id decides, as in Celery: it is ours, and the body is the worker's.
      const record = decodeResult(delivery.body, correlationId);
      this.#box.arrived(
        correlationId === undefined ? record : { ...record, id: correlationId },
        delivery.body.length,
      );
    } catch (error) {
      this.#options.logger.error('a result cannot be read', { id: correlationId, error });
      this.#unreadable(correlationId, error, delivery.body.length);
    }
    delivery.ack();
  }

  /** Who waits is told at once: no other reply will come. */
  #unreadable(id: string | undefined, error: unknown, bytes: number): void {
    if (id === undefined) return;
    const exception = { type: 'UnreadableResult', module: 'celeriac', args: [String(error)] };
    this.#box.arrived({ id, status: 'FAILURE', value: undefined, exception, children: [] }, bytes);
  }
}
