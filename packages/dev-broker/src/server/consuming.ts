/**
 * A channel's consumers and deliveries: the `basic` methods that take messages and settle them. Publishing is the
 * channel's own.
 */
import { randomUUID } from 'node:crypto';

import type { MethodFields } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { ConsumerDetails } from '../engine/consumers.js';
import type { Entry } from '../engine/message.js';
import type { Queue } from '../engine/queue.js';
import { erlangType } from '../engine/queue-arguments.js';
import { replyQueue } from '../engine/replies.js';
import type { Answers, Handlers } from './channel-methods.js';
import { ConsumerTimeout } from './consumer-timeout.js';
import { counted, Deliveries, type Settlement, type Subscription, type Unacked } from './deliveries.js';
import { ReplyTo } from './reply-to.js';
import type { Transaction } from './transaction.js';

export interface ConsumingOptions {
  readonly answers: Answers;
  /** By name; empty is the last one. Throws 404 and 405. */
  readonly queue: (name: string) => Queue;
  readonly transaction: () => Transaction | undefined;
}

export class Consuming {
  readonly handlers: Handlers;
  readonly replyTo: ReplyTo;
  #options: ConsumingOptions;
  #answers: Answers;
  #deliveries = new Deliveries();
  #subscriptions = new Map<string, Subscription>();
  #timeout: ConsumerTimeout;
  /** For consumers that come. */
  #prefetch = 0;
  #isClosing = false;

  constructor(options: ConsumingOptions) {
    const { answers } = options;
    this.#options = options;
    this.#answers = answers;
    this.replyTo = new ReplyTo(answers, () => this.#deliveries.nextTag);
    this.#timeout = new ConsumerTimeout({
      vhost: answers.connection.vhost,
      channel: answers.number,
      deliveries: this.#deliveries,
      refuse: (error) => answers.connection.refuseChannel(answers.number, error),
      cancel: (subscription) => this.#cancelled(subscription),
    });
    this.handlers = { ...this.#consumerMethods(), ...this.#settlingMethods() };
  }

  /** There may be room again. */
  wake(): void {
    const { connection } = this.#answers;
    for (const [tag, subscription] of [...this.#subscriptions]) {
      if (!connection.flowing) return;
      const { queue, consumer } = subscription;
      queue.consumers.readmit(consumer);
      queue.wake();
      // The last in turn from now on, unless it has ended meanwhile.
      if (this.#subscriptions.delete(tag)) this.#subscriptions.set(tag, subscription);
    }
  }

  /** What it holds has been held for too long, as of now. */
  timeOut(): void {
    this.#timeout.expire();
  }

  /** Its consumers are sent nothing any more. */
  takeNoMore(): void {
    this.#isClosing = true;
  }

  /** Gives back what it holds, and only then lets others have their turn. */
  close(): void {
    this.#isClosing = true;
    this.#timeout.stop();
    this.replyTo.close();
    this.#deliveries.requeueAll('loss');
    const subscriptions = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const { queue, consumer } of subscriptions) queue.unsubscribe(consumer);
  }

  settle(taken: readonly Unacked[], settlement: Settlement): void {
    const wasAtLimit = this.#deliveries.isAtLimit;
    const queues = this.#deliveries.settle(taken, settlement);
    if (wasAtLimit) this.wake();
    else for (const queue of queues) queue.wake();
  }

  untake(taken: readonly Unacked[]): void {
    this.#deliveries.untake(taken);
  }

  #consumerMethods(): Handlers {
    const answers = this.#answers;
    return {
      'basic.qos': (fields) => this.#qos(fields),
      'basic.consume': (fields) => this.#consume(fields),
      'basic.cancel': (fields) => {
        const subscription = this.#subscriptions.get(fields.consumerTag);
        this.#subscriptions.delete(fields.consumerTag);
        this.replyTo.cancel(fields.consumerTag);
        answers.answer(fields, 'basic.cancel-ok', { consumerTag: fields.consumerTag });
        subscription?.queue.unsubscribe(subscription.consumer);
      },
      'basic.get': (fields) => this.#get(fields),
    };
  }

  #settlingMethods(): Handlers {
    const recover = ({ requeue }: { readonly requeue: boolean }): void => {
      if (!requeue) throw new AmqpError(540, 'requeue=false');
      this.#deliveries.requeueAll('nack');
      this.wake();
    };
    return {
      'basic.ack': ({ deliveryTag, multiple }) => this.#settled(deliveryTag, multiple, 'ack'),
      'basic.nack': ({ deliveryTag, multiple, requeue }) => {
        this.#settled(deliveryTag, multiple, { requeue, by: 'nack' });
      },
      'basic.reject': ({ deliveryTag, requeue }) => {
        this.#settled(deliveryTag, false, { requeue, by: 'reject' });
      },
      'basic.recover': (fields) => {
        recover(fields);
        this.#answers.send('basic.recover-ok', {});
      },
      'basic.recover-async': recover,
    };
  }

  #qos({ prefetchSize, prefetchCount, global }: MethodFields<'basic.qos'>): void {
    if (prefetchSize !== 0) throw new AmqpError(540, `prefetch_size!=0 (${prefetchSize})`);
    const forChannel = global && this.#answers.connection.vhost.profile.channelPrefetch;
    this.#deliveries.channelPrefetch = forChannel ? prefetchCount : 0;
    if (!forChannel) this.#prefetch = prefetchCount;
    this.#answers.send('basic.qos-ok', {});
    this.wake();
  }

  #consume(fields: MethodFields<'basic.consume'>): void {
    const { consumerTag } = fields;
    if (this.#subscriptions.has(consumerTag)) {
      throw new AmqpError(530, `attempt to reuse consumer tag '${consumerTag}'`);
    }
    if (fields.queue === replyQueue) {
      this.replyTo.consume(fields);
      return;
    }
    const queue = this.#options.queue(fields.queue);
    const tag = consumerTag === '' ? `amq.ctag-${randomUUID()}` : consumerTag;
    const priority = this.#assertConsumable(queue, fields);
    const subscription = this.#subscription({ tag, queue, priority, fields });
    this.#subscriptions.set(tag, subscription);
    try {
      queue.subscribe(subscription.consumer);
    } catch (error) {
      this.#subscriptions.delete(tag);
      throw error;
    }
    this.#answers.answer(fields, 'basic.consume-ok', { consumerTag: tag });
    subscription.isOpen = true;
    queue.consumers.readmit(subscription.consumer);
    queue.wake();
  }

  /** Throws 406 for a wrong argument, 540 for a prefetch that quorum queues do not know. Gives the priority. */
  #assertConsumable(queue: Queue, fields: MethodFields<'basic.consume'>): number {
    const { 'x-priority': priority = 0 } = fields.arguments;
    const subject = `queue '${queue.name}' in vhost '${queue.options.vhost}'`;
    if (typeof priority !== 'number' || !Number.isInteger(priority)) {
      const got = `"expected integer, got ${erlangType(priority)}"`;
      throw new AmqpError(406, `invalid arg 'x-priority' for ${subject}: ${got}`);
    }
    if (queue.options.settings.type === 'quorum' && this.#deliveries.channelPrefetch > 0) {
      throw new AmqpError(540, `${subject} does not support global qos`);
    }
    return priority;
  }

  #subscription(made: {
    readonly tag: string;
    readonly queue: Queue;
    readonly priority: number;
    readonly fields: MethodFields<'basic.consume'>;
  }): Subscription {
    const { tag, queue, priority, fields } = made;
    const { noAck, exclusive, arguments: args } = fields;
    const { connection, number } = this.#answers;
    const prefetch = this.#prefetch;
    const details: ConsumerDetails = { noAck, prefetch, channel: number, arguments: args };
    const subscription: Subscription = {
      queue,
      noAck,
      prefetch,
      unacked: 0,
      isOpen: false,
      consumer: {
        tag,
        exclusive,
        priority,
        details,
        ready: () =>
          subscription.isOpen &&
          !this.#isClosing &&
          connection.flowing &&
          this.#deliveries.hasRoom(subscription),
        deliver: (entry) => this.#deliver(subscription, entry),
        cancelled: () => void this.#cancelled(subscription),
      },
    };
    return subscription;
  }

  /** A consumer ended from our side. False: the client does not understand such news. */
  #cancelled({ consumer, queue }: Subscription): boolean {
    if (!this.#subscriptions.delete(consumer.tag)) return true;
    queue.unsubscribe(consumer);
    const { clientCapabilities } = this.#answers.connection;
    const understands = clientCapabilities.has('consumer_cancel_notify');
    if (understands) this.#answers.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
    return understands;
  }

  #deliver(subscription: Subscription, entry: Entry): void {
    const { consumer, queue, noAck } = subscription;
    const since = this.#answers.connection.vhost.clock.now();
    const deliveryTag = this.#deliveries.add({ entry, queue, subscription, since }, noAck);
    const { exchange, routingKey } = entry.message;
    const { redelivered } = entry;
    const fields = { consumerTag: consumer.tag, deliveryTag, redelivered, exchange, routingKey };
    this.#answers.content({ name: 'basic.deliver', fields }, counted(entry, queue, 'consume'));
    if (!noAck) this.#timeout.watch();
  }

  #get({ queue: name, noAck }: MethodFields<'basic.get'>): void {
    const queue = this.#options.queue(name);
    const { settings, vhost } = queue.options;
    if (settings.type === 'quorum' && settings.singleActiveConsumer) {
      throw new AmqpError(
        405,
        `cannot obtain access to locked queue '${queue.name}' in vhost '${vhost}'. basic.get operations are not supported by quorum queues with single active consumer`,
      );
    }
    const entry = queue.get();
    if (entry === undefined) {
      this.#answers.send('basic.get-empty', { clusterId: '' });
      return;
    }
    const since = queue.options.clock.now();
    const deliveryTag = this.#deliveries.add({ entry, queue, subscription: undefined, since }, noAck);
    const { exchange, routingKey } = entry.message;
    const { messageCount } = queue;
    const fields = { deliveryTag, redelivered: entry.redelivered, exchange, routingKey, messageCount };
    this.#answers.content({ name: 'basic.get-ok', fields }, counted(entry, queue, 'get'));
    if (!noAck) this.#timeout.watch();
  }

  #settled(tag: number, multiple: boolean, settlement: Settlement): void {
    const taken = this.#deliveries.take(tag, multiple);
    const transaction = this.#options.transaction();
    if (transaction === undefined) this.settle(taken, settlement);
    else transaction.addSettlement(taken, settlement);
  }
}
