/** The methods of a channel that declare, bind and delete: exchanges and queues. Remembers the last queue's name. */
import { randomUUID } from 'node:crypto';

import type { MethodFields } from '../codec/methods.js';
import { AmqpError, noQueue } from '../engine/amqp-error.js';
import type { Destination } from '../engine/exchange.js';
import { assertNotDefault } from '../engine/exchanges.js';
import type { Queue } from '../engine/queue.js';
import { replyQueue } from '../engine/replies.js';
import type { Answers, Handlers } from './channel-methods.js';

export class TopologyMethods {
  readonly handlers: Handlers;
  #answers: Answers;
  /** The queue that an empty name means. */
  #lastQueue = '';

  constructor(answers: Answers) {
    this.#answers = answers;
    this.handlers = { ...this.#exchangeMethods(), ...this.#queueMethods() };
  }

  /** Throws 404, or 405 for another connection's exclusive queue. */
  queue(name: string): Queue {
    const { connection } = this.#answers;
    return connection.vhost.queue(this.queueName(name), connection);
  }

  /** Throws 404 for an empty name before any queue was declared. */
  queueName(name: string): string {
    if (name !== '') return name;
    if (this.#lastQueue === '') throw new AmqpError(404, 'no previously declared queue');
    return this.#lastQueue;
  }

  #exchangeMethods(): Handlers {
    const answers = this.#answers;
    const { vhost } = answers.connection;
    const bind = (fields: MethodFields<'exchange.bind'>): readonly [string, Destination, typeof fields] => [
      fields.source,
      { kind: 'exchange', name: fields.destination },
      fields,
    ];
    return {
      'exchange.declare': (fields) => {
        const name = withoutNewlines(fields.exchange);
        if (fields.passive) {
          assertNotDefault(name);
          vhost.exchange(name);
        } else vhost.declareExchange({ ...fields, name });
        answers.answer(fields, 'exchange.declare-ok', {});
      },
      'exchange.delete': (fields) => {
        vhost.deleteExchange(withoutNewlines(fields.exchange), fields.ifUnused);
        answers.answer(fields, 'exchange.delete-ok', {});
      },
      'exchange.bind': (fields) => {
        vhost.bind(...bind(fields));
        answers.answer(fields, 'exchange.bind-ok', {});
      },
      'exchange.unbind': (fields) => {
        vhost.unbind(...bind(fields));
        answers.answer(fields, 'exchange.unbind-ok', {});
      },
    };
  }

  #queueMethods(): Handlers {
    const answers = this.#answers;
    const { vhost } = answers.connection;
    return {
      'queue.declare': (fields) => this.#declare(fields),
      'queue.bind': (fields) => {
        const [exchange, destination, key] = this.#binding(fields);
        assertNotDefault(exchange);
        vhost.exchange(exchange);
        vhost.queue(destination.name, answers.connection);
        vhost.bind(exchange, destination, key);
        answers.answer(fields, 'queue.bind-ok', {});
      },
      'queue.unbind': (fields) => {
        const [exchange, destination, key] = this.#binding(fields);
        if (vhost.isBound(exchange, destination, key)) vhost.queue(destination.name, answers.connection);
        vhost.unbind(exchange, destination, key);
        answers.send('queue.unbind-ok', {});
      },
      'queue.purge': (fields) => {
        const messageCount = this.queue(fields.queue).purge();
        answers.answer(fields, 'queue.purge-ok', { messageCount });
      },
      'queue.delete': (fields) => {
        const conditions = { ...fields, connection: answers.connection };
        const name = withoutNewlines(this.queueName(fields.queue));
        const messageCount = vhost.deleteQueue(name, conditions);
        answers.answer(fields, 'queue.delete-ok', { messageCount });
      },
    };
  }

  /** Without queue and key, the last queue's name is both. */
  #binding(
    fields: MethodFields<'queue.unbind'>,
  ): [string, Destination, { routingKey: string; arguments: MethodFields<'queue.bind'>['arguments'] }] {
    const name = this.queueName(fields.queue);
    const isShort = fields.queue === '' && fields.routingKey === '';
    const key = { routingKey: isShort ? name : fields.routingKey, arguments: fields.arguments };
    return [fields.exchange, { kind: 'queue', name }, key];
  }

  #declare(fields: MethodFields<'queue.declare'>): void {
    const asked = withoutNewlines(fields.queue);
    const { messageCount, consumerCount, name } = asked.startsWith(replyQueue)
      ? this.#replyQueue(asked)
      : this.#declared(asked, fields);
    this.#lastQueue = name;
    this.#answers.answer(fields, 'queue.declare-ok', { queue: name, messageCount, consumerCount });
  }

  #declared(asked: string, fields: MethodFields<'queue.declare'>): Queue {
    const { connection } = this.#answers;
    const { vhost } = connection;
    if (fields.passive) {
      const queue = vhost.queue(asked, connection);
      queue.used();
      return queue;
    }
    const isServerNamed = asked === '';
    const name = isServerNamed ? `amq.gen-${randomUUID()}` : asked;
    return vhost.declareQueue({ ...fields, name, isServerNamed, connection });
  }

  /** Declaring one asks whether somebody waits for the answer. */
  #replyQueue(name: string): Pick<Queue, 'name' | 'messageCount' | 'consumerCount'> {
    const { vhost } = this.#answers.connection;
    if (!vhost.replies.has(name)) throw noQueue(name, vhost.name);
    return { name, messageCount: 0, consumerCount: 1 };
  }
}

/** rabbit_channel.erl: strip_cr_lf. */
function withoutNewlines(name: string): string {
  return name.replaceAll(/[\r\n]/gu, '');
}
