/**
 * A virtual host: its exchanges and queues, what may be declared and deleted, and the way of a message through them.
 * Pure but for its clock; knows no sockets.
 */
import { AmqpError, noExchange, noQueue } from './amqp-error.js';
import type { Clock } from './clock.js';
import { deathHeaders, isCycle, withHeaders } from './dead-letter.js';
import {
  builtIn,
  type Destination,
  Exchange,
  type ExchangeOptions,
  type ExchangeType,
  exchangeTypes,
  extraKeys,
} from './exchange.js';
import type { Entry, Message } from './message.js';
import { type DeathReason, Queue } from './queue.js';
import { assertSame, assertSameArguments, readSettings } from './queue-arguments.js';

type Table = Readonly<Record<string, unknown>>;

export interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Table;
  /** The connection that asks. */
  readonly connection: object;
  /** True for a name the server made: only those may begin with `amq.`. */
  readonly isServerNamed: boolean;
}

/** What became of a published message. */
export interface Routed {
  /** Queues it was meant for. */
  readonly queues: number;
  /** A full queue refused it. */
  readonly refused: boolean;
}

export class Vhost {
  readonly name: string;
  #clock: Clock;
  #exchanges = new Map<string, Exchange>();
  #queues = new Map<string, Queue>();

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
    for (const [exchange, type] of builtIn) {
      const options = {
        name: exchange,
        type,
        durable: true,
        autoDelete: false,
        internal: false,
        arguments: {},
      };
      this.#exchanges.set(exchange, new Exchange(options));
    }
  }

  get queues(): IterableIterator<Queue> {
    return this.#queues.values();
  }

  get exchanges(): IterableIterator<Exchange> {
    return this.#exchanges.values();
  }

  /** Throws 404, or 405 for another connection's exclusive queue. */
  queue(name: string, connection: object): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw noQueue(name, this.name);
    const { owner } = queue.options;
    if (owner !== undefined && owner !== connection) throw this.#locked(name);
    return queue;
  }

  exchange(name: string): Exchange {
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) throw noExchange(name, this.name);
    return exchange;
  }

  declareQueue(declaration: QueueDeclaration): Queue {
    const { name, durable, exclusive, autoDelete, arguments: args, connection } = declaration;
    const present = this.#queues.get(name);
    if (present !== undefined) {
      this.#assertSameQueue(present, declaration);
      present.used();
      return present;
    }
    if (name.startsWith('amq.') && !declaration.isServerNamed) {
      throw new AmqpError(403, `queue name '${name}' contains reserved prefix 'amq.*'`);
    }
    const settings = readSettings(args, name, this.name);
    const queue = new Queue({
      name,
      vhost: this.name,
      durable,
      autoDelete,
      owner: exclusive ? connection : undefined,
      arguments: args,
      settings,
      clock: this.#clock,
      bury: (entry, reason, from) => this.#bury(entry, reason, from),
      unwanted: (unwanted) => this.#removeQueue(unwanted),
    });
    this.#queues.set(name, queue);
    this.exchange('').bind({ kind: 'queue', name }, name, {});
    return queue;
  }

  /** Throws 406 when it is used or not empty and that was asked for. Gives the number of messages that went. */
  deleteQueue(name: string, conditions: { ifUnused: boolean; ifEmpty: boolean; connection: object }): number {
    const present = this.#queues.get(name);
    if (present === undefined) return 0; // deleting what is not there is fine (RabbitMQ since 3.2)
    const queue = this.queue(name, conditions.connection);
    const subject = `queue '${name}' in vhost '${this.name}'`;
    if (conditions.ifUnused && queue.consumerCount > 0) throw new AmqpError(406, `${subject} in use`);
    if (conditions.ifEmpty && queue.messageCount > 0) throw new AmqpError(406, `${subject} not empty`);
    const count = queue.messageCount;
    this.#removeQueue(queue);
    return count;
  }

  declareExchange(options: Omit<ExchangeOptions, 'type'> & { readonly type: string }): Exchange {
    const { name, type, durable, autoDelete, internal, arguments: args } = options;
    if (!exchangeTypes.includes(type))
      throw new AmqpError(503, `unknown exchange type '${type}'`, { hard: true });
    const present = this.#exchanges.get(name);
    if (present !== undefined) {
      const subject = `exchange '${name}' in vhost '${this.name}'`;
      const compare = { type, durable, auto_delete: autoDelete, internal };
      const { options: is } = present;
      const current = {
        type: is.type,
        durable: is.durable,
        auto_delete: is.autoDelete,
        internal: is.internal,
      };
      for (const [key, wanted] of Object.entries(compare)) {
        assertSame(key, { wanted, present: current[key as keyof typeof current], subject });
      }
      assertSame('alternate-exchange', {
        wanted: args['alternate-exchange'],
        present: present.alternate,
        subject,
      });
      return present;
    }
    if (name.startsWith('amq.')) {
      throw new AmqpError(403, `exchange name '${name}' contains reserved prefix 'amq.*'`);
    }
    const exchange = new Exchange({ ...options, type: type as ExchangeType });
    this.#exchanges.set(name, exchange);
    return exchange;
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    this.#mustNotBeBuiltIn(name);
    const exchange = this.#exchanges.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.bindings.length > 0) {
      throw new AmqpError(406, `exchange '${name}' in vhost '${this.name}' in use`);
    }
    this.#removeExchange(exchange);
  }

  bind(source: string, destination: Destination, key: { routingKey: string; arguments: Table }): void {
    if (source === '') throw new AmqpError(403, 'operation not permitted on the default exchange');
    const exchange = this.exchange(source);
    this.#mustExist(destination);
    exchange.bind(destination, key.routingKey, key.arguments);
  }

  unbind(source: string, destination: Destination, key: { routingKey: string; arguments: Table }): void {
    if (source === '') throw new AmqpError(403, 'operation not permitted on the default exchange');
    const exchange = this.exchange(source);
    this.#mustExist(destination);
    if (exchange.unbind(destination, key.routingKey, key.arguments)) this.#afterUnbind(exchange);
  }

  /** Brings a message into every queue it is meant for. Throws 404 for a missing exchange. */
  publish(message: Message): Routed {
    const queues = new Set<Queue>();
    this.#route(this.exchange(message.exchange), message, { queues, seen: new Set() });
    let refused = false;
    for (const queue of queues) if (!queue.publish(message)) refused = true;
    return { queues: queues.size, refused };
  }

  /** The connection is gone: so are its exclusive queues. */
  connectionClosed(connection: object): void {
    for (const queue of [...this.#queues.values()])
      if (queue.options.owner === connection) this.#removeQueue(queue);
  }

  #route(exchange: Exchange, message: Message, found: { queues: Set<Queue>; seen: Set<Exchange> }): void {
    if (found.seen.has(exchange)) return; // exchanges bound in a circle
    found.seen.add(exchange);
    const { headers } = message.properties;
    const keys = [message.routingKey, ...extraKeys(headers)];
    const destinations = keys.flatMap((key) => exchange.route(key, headers));
    if (destinations.length === 0 && exchange.alternate !== undefined) {
      const alternate = this.#exchanges.get(exchange.alternate);
      if (alternate !== undefined) this.#route(alternate, message, found);
    }
    for (const { kind, name } of destinations) {
      if (kind === 'exchange') {
        const next = this.#exchanges.get(name);
        if (next !== undefined) this.#route(next, message, found);
        continue;
      }
      const queue = this.#queues.get(name);
      if (queue !== undefined) found.queues.add(queue);
    }
  }

  /** A dead message goes to the queue's dead-letter exchange, unless it has gone in a circle; else it is gone. */
  #bury(entry: Entry, reason: DeathReason, queue: Queue): void {
    const { deadLetterExchange, deadLetterRoutingKey } = queue.options.settings;
    if (deadLetterExchange === undefined || !this.#exchanges.has(deadLetterExchange)) return;
    const { message } = entry;
    const headers = deathHeaders(message, { queue: queue.name, reason, now: this.#clock.now() });
    const copy: Message = {
      exchange: deadLetterExchange,
      routingKey: deadLetterRoutingKey ?? message.routingKey,
      properties: {
        ...message.properties,
        headers,
        raw: withHeaders(message.properties.raw, headers),
        expiration: undefined,
      },
      body: message.body,
    };
    const queues = new Set<Queue>();
    this.#route(this.exchange(deadLetterExchange), copy, { queues, seen: new Set() });
    for (const target of queues)
      if (reason === 'rejected' || !isCycle(target.name, copy)) target.publish(copy);
  }

  #removeQueue(queue: Queue): void {
    if (this.#queues.get(queue.name) !== queue) return;
    this.#queues.delete(queue.name);
    queue.destroy();
    this.#forget({ kind: 'queue', name: queue.name });
  }

  #removeExchange(exchange: Exchange): void {
    this.#exchanges.delete(exchange.name);
    this.#forget({ kind: 'exchange', name: exchange.name });
  }

  #forget(destination: Destination): void {
    for (const exchange of [...this.#exchanges.values()])
      if (exchange.forget(destination)) this.#afterUnbind(exchange);
  }

  #afterUnbind(exchange: Exchange): void {
    if (exchange.options.autoDelete && exchange.bindings.length === 0) this.#removeExchange(exchange);
  }

  #mustExist({ kind, name }: Destination): void {
    if (kind === 'exchange') this.exchange(name);
    else if (!this.#queues.has(name)) throw noQueue(name, this.name);
  }

  #mustNotBeBuiltIn(name: string): void {
    if (name === '') throw new AmqpError(403, 'operation not permitted on the default exchange');
    if (builtIn.some(([known]) => known === name)) {
      throw new AmqpError(403, `deletion of system exchange '${name}' in vhost '${this.name}' not allowed`);
    }
  }

  #assertSameQueue(present: Queue, declaration: QueueDeclaration): void {
    const { name, durable, exclusive, autoDelete, arguments: args, connection } = declaration;
    const { owner, ...is } = present.options;
    if (owner !== undefined && owner !== connection) throw this.#locked(name);
    const subject = `queue '${name}' in vhost '${this.name}'`;
    assertSame('durable', { wanted: durable, present: is.durable, subject });
    assertSame('auto_delete', { wanted: autoDelete, present: is.autoDelete, subject });
    if (exclusive !== (owner !== undefined)) throw this.#locked(name);
    assertSameArguments(args, is.arguments, subject);
  }

  #locked(name: string): AmqpError {
    return new AmqpError(
      405,
      `cannot obtain exclusive access to locked queue '${name}' in vhost '${this.name}'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.`,
    );
  }
}
