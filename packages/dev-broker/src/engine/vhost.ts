/**
 * A virtual host: its exchanges and queues, what may be declared and deleted, and the way of a message through them.
 * Pure but for its clock; knows no sockets.
 */
import { AmqpError, locked, noExchange, noQueue } from './amqp-error.js';
import type { Clock } from './clock.js';
import { deathHeaders, isCycle, withHeaders } from './dead-letter.js';
import {
  builtIn,
  type Destination,
  Exchange,
  type ExchangeOptions,
  type ExchangeType,
  exchangeTypes,
} from './exchange.js';
import type { Journal } from './journal.js';
import type { Entry, Message } from './message.js';
import type { Profile } from './profile.js';
import { type DeathReason, Queue } from './queue.js';
import { assertSame, readSettings } from './queue-arguments.js';
import { assertSameQueue, type QueueDeclaration } from './queue-declaration.js';
import { route } from './routing.js';

export type { QueueDeclaration };

type Table = Readonly<Record<string, unknown>>;

/** What became of a published message. */
export interface Routed {
  /** Queues it was meant for. */
  readonly queues: number;
  /** A full queue refused it. */
  readonly refused: boolean;
}

export interface VhostParts {
  readonly clock: Clock;
  readonly profile: Profile;
  /** Told when messages have left a queue for good. */
  readonly left?: () => void;
}

export class Vhost {
  readonly name: string;
  readonly profile: Profile;
  #clock: Clock;
  #exchanges = new Map<string, Exchange>();
  #queues = new Map<string, Queue>();
  #journal: Journal | undefined;
  #left: () => void;

  constructor(name: string, { clock, profile, left }: VhostParts) {
    this.name = name;
    this.#left = left ?? (() => undefined);
    this.#clock = clock;
    this.profile = profile;
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

  /** From now on, what is durable is told to it; what is there already is its own. */
  keepIn(journal: Journal): void {
    this.#journal = journal;
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
    if (owner !== undefined && owner !== connection) throw locked(name, this.name);
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
      assertSameQueue(present, declaration);
      present.used();
      return present;
    }
    if (name.startsWith('amq.') && !declaration.isServerNamed) {
      throw new AmqpError(403, `queue name '${name}' contains reserved prefix 'amq.*'`);
    }
    const settings = readSettings(args, name, this.name);
    const isKept = durable && !exclusive;
    if (isKept) this.#journal?.queueDeclared({ name, autoDelete, arguments: args });
    const queue = new Queue({
      name,
      vhost: this.name,
      durable,
      autoDelete,
      owner: exclusive ? connection : undefined,
      arguments: args,
      settings,
      clock: this.#clock,
      journal: isKept ? this.#journal : undefined,
      bury: (entry, reason, from) => this.#bury(entry, reason, from),
      left: this.#left,
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
    if (durable) this.#journal?.exchangeDeclared(exchange.options);
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
    this.#ifKept(exchange, destination)?.bound({ source, destination, ...key });
  }

  unbind(source: string, destination: Destination, key: { routingKey: string; arguments: Table }): void {
    if (source === '') throw new AmqpError(403, 'operation not permitted on the default exchange');
    const exchange = this.exchange(source);
    this.#mustExist(destination);
    if (!exchange.unbind(destination, key.routingKey, key.arguments)) return;
    this.#ifKept(exchange, destination)?.unbound({ source, destination, ...key });
    this.#afterUnbind(exchange);
  }

  /** Brings a message into every queue it is meant for. Throws 404 for a missing exchange. */
  publish(message: Message): Routed {
    const queues = this.#route(message);
    let refused = false;
    for (const queue of queues) if (!queue.publish(message)) refused = true;
    return { queues: queues.size, refused };
  }

  /** The connection is gone: so are its exclusive queues. */
  connectionClosed(connection: object): void {
    for (const queue of [...this.#queues.values()])
      if (queue.options.owner === connection) this.#removeQueue(queue);
  }

  #route(message: Message): ReadonlySet<Queue> {
    return route(this.exchange(message.exchange), message, {
      exchanges: this.#exchanges,
      queues: this.#queues,
    });
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
    for (const target of this.#route(copy))
      if (reason === 'rejected' || !isCycle(target.name, copy)) target.publish(copy);
  }

  #removeQueue(queue: Queue): void {
    if (this.#queues.get(queue.name) !== queue) return;
    this.#queues.delete(queue.name);
    queue.options.journal?.queueDeleted(queue.name);
    queue.destroy();
    this.#forget({ kind: 'queue', name: queue.name });
    this.#left();
  }

  #removeExchange(exchange: Exchange): void {
    this.#exchanges.delete(exchange.name);
    if (exchange.options.durable) this.#journal?.exchangeDeleted(exchange.name);
    this.#forget({ kind: 'exchange', name: exchange.name });
  }

  #forget(destination: Destination): void {
    for (const exchange of [...this.#exchanges.values()])
      if (exchange.forget(destination)) this.#afterUnbind(exchange);
  }

  #afterUnbind(exchange: Exchange): void {
    if (exchange.options.autoDelete && exchange.bindings.length === 0) this.#removeExchange(exchange);
  }

  /** A binding is durable when both of its ends are. */
  #ifKept(source: Exchange, { kind, name }: Destination): Journal | undefined {
    const isKept =
      kind === 'queue'
        ? this.#queues.get(name)?.options.journal !== undefined
        : this.#exchanges.get(name)?.options.durable === true;
    return isKept && source.options.durable ? this.#journal : undefined;
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
}
