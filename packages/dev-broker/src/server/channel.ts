/**
 * One channel: methods in, methods out, and what it owes: confirms, deliveries not settled, prefetch. Speaks to the
 * virtual host only; bytes are the connection's.
 */
import { randomUUID } from 'node:crypto';

import type { Method, MethodFields, MethodName } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Destination } from '../engine/exchange.js';
import type { Entry, Message } from '../engine/message.js';
import type { Queue } from '../engine/queue.js';
import type { Vhost } from '../engine/vhost.js';
import { Confirms } from './confirms.js';
import { Content } from './content.js';
import { counted, Deliveries, type Subscription, type Unacked } from './deliveries.js';

/** What a channel needs of its connection. */
export interface ChannelConnection {
  readonly vhost: Vhost;
  /** False while the client reads more slowly than we write. */
  readonly flowing: boolean;
  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void;
  sendContent(channel: number, method: ContentMethod, message: Message): void;
}

export type ContentMethod =
  | { readonly name: 'basic.deliver'; readonly fields: MethodFields<'basic.deliver'> }
  | { readonly name: 'basic.return'; readonly fields: MethodFields<'basic.return'> }
  | { readonly name: 'basic.get-ok'; readonly fields: MethodFields<'basic.get-ok'> };

type Handlers = { [Name in MethodName]?: (fields: MethodFields<Name>) => void };

export class Channel {
  readonly number: number;
  #connection: ChannelConnection;
  #handlers: Handlers;
  #content = new Content((message, fields) => this.#publish(message, fields));
  #subscriptions = new Map<string, Subscription>();
  #deliveries = new Deliveries();
  /** For consumers that come. */
  #prefetch = 0;
  #confirms: Confirms | undefined;
  /** The queue that an empty name means. */
  #lastQueue = '';

  constructor(number: number, connection: ChannelConnection) {
    this.number = number;
    this.#connection = connection;
    this.#handlers = this.#methods();
  }

  method({ name, fields }: Method): void {
    if (this.#content.isExpected) throw new AmqpError(505, `expected content, got ${name} instead`);
    const handle = this.#handlers[name] as ((fields: unknown) => void) | undefined;
    if (handle === undefined) throw new AmqpError(540, `${name} is not implemented`);
    handle(fields);
  }

  header(payload: Buffer): void {
    this.#content.header(payload);
  }

  body(payload: Buffer): void {
    this.#content.body(payload);
  }

  /** At the end of what was read: confirms go out together. */
  flush(): void {
    this.#confirms?.flush();
  }

  /** The client reads again. */
  wake(): void {
    for (const { queue } of this.#subscriptions.values()) queue.wake();
  }

  /** Gives back what it holds. */
  close(): void {
    const subscriptions = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    for (const { queue, consumer } of subscriptions) queue.unsubscribe(consumer);
    this.#deliveries.requeueAll();
  }

  #methods(): Handlers {
    return { ...this.#exchangeMethods(), ...this.#queueMethods(), ...this.#basicMethods() };
  }

  #exchangeMethods(): Handlers {
    const { vhost } = this.#connection;
    const bind = (fields: MethodFields<'exchange.bind'>): readonly [string, Destination, typeof fields] => [
      fields.source,
      { kind: 'exchange', name: fields.destination },
      fields,
    ];
    return {
      'exchange.declare': (fields) => {
        if (fields.passive) vhost.exchange(fields.exchange);
        else vhost.declareExchange({ ...fields, name: fields.exchange });
        this.#answer(fields, 'exchange.declare-ok', {});
      },
      'exchange.delete': (fields) => {
        vhost.deleteExchange(fields.exchange, fields.ifUnused);
        this.#answer(fields, 'exchange.delete-ok', {});
      },
      'exchange.bind': (fields) => {
        vhost.bind(...bind(fields));
        this.#answer(fields, 'exchange.bind-ok', {});
      },
      'exchange.unbind': (fields) => {
        vhost.unbind(...bind(fields));
        this.#answer(fields, 'exchange.unbind-ok', {});
      },
    };
  }

  #queueMethods(): Handlers {
    const { vhost } = this.#connection;
    const destination = (queue: string): Destination => ({ kind: 'queue', name: this.#queueName(queue) });
    return {
      'queue.declare': (fields) => this.#declareQueue(fields),
      'queue.bind': (fields) => {
        vhost.bind(fields.exchange, destination(fields.queue), fields);
        this.#answer(fields, 'queue.bind-ok', {});
      },
      'queue.unbind': (fields) => {
        vhost.unbind(fields.exchange, destination(fields.queue), fields);
        this.#answer({}, 'queue.unbind-ok', {});
      },
      'queue.purge': (fields) => {
        const messageCount = this.#queue(fields.queue).purge();
        this.#answer(fields, 'queue.purge-ok', { messageCount });
      },
      'queue.delete': (fields) => {
        const conditions = { ...fields, connection: this.#connection };
        const messageCount = vhost.deleteQueue(this.#queueName(fields.queue), conditions);
        this.#answer(fields, 'queue.delete-ok', { messageCount });
      },
    };
  }

  #basicMethods(): Handlers {
    return {
      'basic.publish': (fields) => this.#content.begin(fields),
      'basic.qos': (fields) => {
        if (fields.prefetchSize !== 0) throw new AmqpError(540, 'prefetch_size!=0 (integer)');
        if (fields.global) this.#deliveries.channelPrefetch = fields.prefetchCount;
        else this.#prefetch = fields.prefetchCount;
        this.#connection.send(this.number, 'basic.qos-ok', {});
        this.wake();
      },
      'basic.consume': (fields) => this.#consume(fields),
      'basic.cancel': (fields) => {
        const subscription = this.#subscriptions.get(fields.consumerTag);
        this.#subscriptions.delete(fields.consumerTag);
        this.#answer(fields, 'basic.cancel-ok', { consumerTag: fields.consumerTag });
        subscription?.queue.unsubscribe(subscription.consumer);
      },
      'basic.get': (fields) => this.#get(fields),
      'basic.ack': ({ deliveryTag, multiple }) =>
        this.#settle(deliveryTag, multiple, ({ queue, entry }) => queue.acked(entry)),
      'basic.nack': ({ deliveryTag, multiple, requeue }) => {
        this.#settle(deliveryTag, multiple, ({ queue, entry }) => queue.returned(entry, { requeue }));
      },
      'basic.reject': ({ deliveryTag, requeue }) => {
        this.#settle(deliveryTag, false, ({ queue, entry }) => queue.returned(entry, { requeue }));
      },
      'basic.recover': () => {
        this.#deliveries.requeueAll();
        this.#connection.send(this.number, 'basic.recover-ok', {});
      },
      'basic.recover-async': () => this.#deliveries.requeueAll(),
      'confirm.select': (fields) => {
        this.#confirms ??= new Confirms({
          ack: (deliveryTag, multiple) =>
            this.#connection.send(this.number, 'basic.ack', { deliveryTag, multiple }),
          nack: (deliveryTag) =>
            this.#connection.send(this.number, 'basic.nack', {
              deliveryTag,
              multiple: false,
              requeue: false,
            }),
        });
        this.#answer(fields, 'confirm.select-ok', {});
      },
      'channel.flow': ({ active }) => {
        if (!active) throw new AmqpError(540, 'active=false');
        this.#connection.send(this.number, 'channel.flow-ok', { active });
      },
    };
  }

  /** Unless the client said that it does not wait for one. */
  #answer<Name extends MethodName>(
    asked: { noWait?: boolean },
    name: Name,
    fields: MethodFields<Name>,
  ): void {
    if (asked.noWait !== true) this.#connection.send(this.number, name, fields);
  }

  #queueName(name: string): string {
    if (name !== '') return name;
    if (this.#lastQueue === '') throw new AmqpError(404, `no previously declared queue`);
    return this.#lastQueue;
  }

  #queue(name: string): Queue {
    return this.#connection.vhost.queue(this.#queueName(name), this.#connection);
  }

  #declareQueue(fields: MethodFields<'queue.declare'>): void {
    const { passive, queue: asked } = fields;
    const isServerNamed = asked === '' && !passive;
    const name = isServerNamed ? `amq.gen-${randomUUID()}` : asked;
    const queue = passive
      ? this.#queue(name)
      : this.#connection.vhost.declareQueue({ ...fields, name, isServerNamed, connection: this.#connection });
    this.#lastQueue = queue.name;
    const { messageCount, consumerCount } = queue;
    this.#answer(fields, 'queue.declare-ok', { queue: queue.name, messageCount, consumerCount });
  }

  #consume(fields: MethodFields<'basic.consume'>): void {
    const queue = this.#queue(fields.queue);
    const tag = fields.consumerTag === '' ? `amq.ctag-${randomUUID()}` : fields.consumerTag;
    if (this.#subscriptions.has(tag)) throw new AmqpError(530, `attempt to reuse consumer tag '${tag}'`);
    const { 'x-priority': priority } = fields.arguments;
    const subscription: Subscription = {
      queue,
      noAck: fields.noAck,
      prefetch: this.#prefetch,
      unacked: 0,
      consumer: {
        tag,
        exclusive: fields.exclusive,
        priority: typeof priority === 'number' ? priority : 0,
        ready: () => this.#connection.flowing && this.#deliveries.hasRoom(subscription),
        deliver: (entry) => this.#deliver(subscription, entry),
        cancelled: () => {
          if (!this.#subscriptions.delete(tag)) return;
          this.#connection.send(this.number, 'basic.cancel', { consumerTag: tag, noWait: true });
        },
      },
    };
    this.#subscriptions.set(tag, subscription);
    this.#answer(fields, 'basic.consume-ok', { consumerTag: tag });
    try {
      queue.subscribe(subscription.consumer);
    } catch (error) {
      this.#subscriptions.delete(tag);
      throw error;
    }
  }

  #deliver(subscription: Subscription, entry: Entry): void {
    const { consumer, queue, noAck } = subscription;
    const deliveryTag = this.#deliveries.add({ entry, queue, subscription }, noAck);
    const { exchange, routingKey } = entry.message;
    const fields = {
      consumerTag: consumer.tag,
      deliveryTag,
      redelivered: entry.redelivered,
      exchange,
      routingKey,
    };
    this.#connection.sendContent(this.number, { name: 'basic.deliver', fields }, counted(entry, queue));
  }

  #get({ queue: name, noAck }: MethodFields<'basic.get'>): void {
    const queue = this.#queue(name);
    const entry = queue.get();
    if (entry === undefined) {
      this.#connection.send(this.number, 'basic.get-empty', { clusterId: '' });
      return;
    }
    const deliveryTag = this.#deliveries.add({ entry, queue, subscription: undefined }, noAck);
    const { exchange, routingKey } = entry.message;
    const { messageCount } = queue;
    const fields = { deliveryTag, redelivered: entry.redelivered, exchange, routingKey, messageCount };
    this.#connection.sendContent(this.number, { name: 'basic.get-ok', fields }, counted(entry, queue));
  }

  #settle(tag: number, multiple: boolean, how: (unacked: Unacked) => void): void {
    const queues = this.#deliveries.settle(tag, multiple, how);
    if (this.#deliveries.channelPrefetch > 0) this.wake();
    else for (const queue of queues) queue.wake();
  }

  #publish(message: Message, { mandatory }: MethodFields<'basic.publish'>): void {
    const { exchange, routingKey } = message;
    const { queues, refused } = this.#connection.vhost.publish(message);
    if (queues === 0 && mandatory) {
      const fields = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey };
      this.#connection.sendContent(this.number, { name: 'basic.return', fields }, message);
    }
    this.#confirms?.next(!refused);
  }
}
