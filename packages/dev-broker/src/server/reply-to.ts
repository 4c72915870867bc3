/** A channel's end of direct reply-to: its one consumer, and the address its requests carry. Keeps no messages. */
import { randomUUID } from 'node:crypto';

import type { MethodFields } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';
import { replaceProperties } from '../engine/properties.js';
import { replyQueue } from '../engine/replies.js';
import type { Answers } from './channel-methods.js';

export class ReplyTo {
  #answers: Answers;
  #nextTag: () => number;
  #consumer: { readonly tag: string; readonly address: string } | undefined;

  /** `nextTag`: the number answers carry, which they do not use up. */
  constructor(answers: Answers, nextTag: () => number) {
    this.#answers = answers;
    this.#nextTag = nextTag;
  }

  /** Throws 406 for a second consumer, or one that would acknowledge. */
  consume(fields: MethodFields<'basic.consume'>): void {
    if (!fields.noAck) throw new AmqpError(406, 'reply consumer cannot acknowledge');
    if (this.#consumer !== undefined) throw new AmqpError(406, 'reply consumer already set');
    const tag = fields.consumerTag === '' ? `amq.ctag-${randomUUID()}` : fields.consumerTag;
    const { replies } = this.#answers.connection.vhost;
    const address = replies.open(randomUUID(), (message) => this.#deliver(tag, message));
    this.#consumer = { tag, address };
    this.#answers.answer(fields, 'basic.consume-ok', { consumerTag: tag });
  }

  /** Ends the consumer of that tag, if it is this one. */
  cancel(tag: string): void {
    if (this.#consumer?.tag === tag) this.close();
  }

  close(): void {
    if (this.#consumer !== undefined) {
      this.#answers.connection.vhost.replies.close(this.#consumer.address);
    }
    this.#consumer = undefined;
  }

  /** The request with the full address in place of the bare name. Throws 406 without a consumer. */
  addressed(message: Message, replyTo: string | undefined): Message {
    if (replyTo !== replyQueue) return message;
    if (this.#consumer === undefined) throw new AmqpError(406, 'fast reply consumer does not exist');
    const raw = replaceProperties(message.properties.raw, { replyTo: this.#consumer.address });
    return { ...message, properties: { ...message.properties, raw } };
  }

  #deliver(consumerTag: string, message: Message): void {
    const { exchange, routingKey } = message;
    const fields = { consumerTag, deliveryTag: this.#nextTag(), redelivered: false, exchange, routingKey };
    this.#answers.content({ name: 'basic.deliver', fields }, message);
  }
}
