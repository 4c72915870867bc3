/**
 * One channel: methods in, methods out. Publishes, confirms and transactions are here; what else it does is in its
 * parts. Speaks to the virtual host only; bytes are the connection's.
 */
import type { Method, MethodFields } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';
import type { Queue } from '../engine/queue.js';
import { Answers, type ChannelConnection, type Handlers } from './channel-methods.js';
import { Confirms } from './confirms.js';
import { Consuming } from './consuming.js';
import { assertExpiration, Content, type Published, withCopies } from './content.js';
import { TopologyMethods } from './topology-methods.js';
import { Transaction } from './transaction.js';

export class Channel {
  readonly number: number;
  #answers: Answers;
  #handlers: Handlers;
  #content = new Content((published) => this.#publish(published));
  #consuming: Consuming;
  #confirms: Confirms | undefined;
  #transaction: Transaction | undefined;
  #isOpen = true;

  constructor(number: number, connection: ChannelConnection) {
    this.number = number;
    this.#answers = new Answers(number, connection);
    const topology = new TopologyMethods(this.#answers);
    this.#consuming = new Consuming({
      answers: this.#answers,
      queue: (name) => topology.queue(name),
      transaction: () => this.#transaction,
    });
    this.#handlers = { ...topology.handlers, ...this.#consuming.handlers, ...this.#methods() };
  }

  method({ name, fields }: Method): void {
    if (this.#content.isExpected) this.#content.interrupted();
    const handle = this.#handlers[name] as ((fields: unknown) => void) | undefined;
    if (handle === undefined) throw new AmqpError(503, 'unimplemented method', { hard: true });
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
    this.#consuming.wake();
  }

  /** What it holds has been held for too long. */
  timeOutConsumers(): void {
    this.#consuming.timeOut();
  }

  /** It is about to end: its consumers are sent nothing any more. */
  takeNoMore(): void {
    this.#consuming.takeNoMore();
  }

  /** Gives back what it holds. */
  close(): void {
    this.#isOpen = false;
    this.#transaction?.rollback();
    this.#transaction = undefined;
    this.#consuming.close();
  }

  #methods(): Handlers {
    const answers = this.#answers;
    return {
      'basic.publish': (fields) => this.#content.begin(fields),
      'confirm.select': (fields) => {
        if (this.#transaction !== undefined)
          throw new AmqpError(406, 'cannot switch from tx to confirm mode');
        this.#confirms ??= this.#newConfirms();
        answers.answer(fields, 'confirm.select-ok', {});
      },
      'tx.select': () => {
        if (this.#confirms !== undefined) throw new AmqpError(406, 'cannot switch from confirm to tx mode');
        this.#transaction ??= new Transaction({
          settle: (taken, settlement) => this.#consuming.settle(taken, settlement),
          untake: (taken) => this.#consuming.untake(taken),
        });
        answers.send('tx.select-ok', {});
      },
      'tx.commit': () => {
        this.#openTransaction().commit();
        answers.send('tx.commit-ok', {});
      },
      'tx.rollback': () => {
        this.#openTransaction().rollback();
        answers.send('tx.rollback-ok', {});
      },
      'channel.flow': ({ active }) => {
        if (!active) throw new AmqpError(540, 'active=false');
        answers.send('channel.flow-ok', { active });
      },
    };
  }

  #openTransaction(): Transaction {
    if (this.#transaction === undefined) throw new AmqpError(406, 'channel is not transactional');
    return this.#transaction;
  }

  #newConfirms(): Confirms {
    const { number, connection } = this.#answers;
    return new Confirms({
      ack: (deliveryTag, multiple) => {
        if (this.#isOpen) connection.send(number, 'basic.ack', { deliveryTag, multiple }); // else it was delayed
      },
      nack: (deliveryTag) =>
        connection.send(number, 'basic.nack', { deliveryTag, multiple: false, requeue: false }),
      fate: () => connection.confirmFate(),
    });
  }

  #publish({ message: received, fields, replyTo }: Published): void {
    const { vhost } = this.#answers.connection;
    if (fields.immediate) throw new AmqpError(540, 'immediate=true');
    this.#assertSize(received);
    vhost.assertPublishable(received.exchange);
    const addressed = this.#consuming.replyTo.addressed(received, replyTo);
    assertExpiration(addressed);
    const message = withCopies(addressed);
    const queues = vhost.targets(message);
    if (this.#transaction !== undefined) {
      this.#transaction.addPublish(() => this.#deliver(message, queues, fields));
      return;
    }
    const taken = this.#deliver(message, queues, fields);
    this.#confirms?.next(taken);
  }

  /** False when a full queue refused it. */
  #deliver(
    message: Message,
    queues: ReadonlySet<Queue>,
    { mandatory }: MethodFields<'basic.publish'>,
  ): boolean {
    const taken = this.#answers.connection.vhost.deliver(message, queues);
    if (queues.size === 0 && mandatory) {
      const { exchange, routingKey } = message;
      const fields = { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey };
      this.#answers.content({ name: 'basic.return', fields }, message);
    }
    return taken;
  }

  #assertSize({ body }: Message): void {
    const { maxMessageSize } = this.#answers.connection.vhost;
    if (body.length <= maxMessageSize) return;
    throw new AmqpError(
      406,
      `message size ${body.length} is larger than configured max size ${maxMessageSize}`,
    );
  }
}
