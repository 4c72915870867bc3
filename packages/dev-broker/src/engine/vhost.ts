/**
 * A virtual host: its exchanges and queues, what may be declared and deleted, and the way of a message through them.
 * Pure but for its clock; knows no sockets.
 */
import { AmqpError, locked, noQueue } from './amqp-error.js';
import type { Clock } from './clock.js';
import { deadLetter, isCycle } from './dead-letter.js';
import type { Destination, Exchange } from './exchange.js';
import { assertNotDefault, type ExchangeDeclaration, Exchanges } from './exchanges.js';
import type { BindingRecord, Journal } from './journal.js';
import type { Entry, Message } from './message.js';
import type { Profile } from './profile.js';
import { type DeathReason, Queue } from './queue.js';
import { readSettings } from './queue-arguments.js';
import {
  assertDeclarable,
  assertNameable,
  assertSameQueue,
  type QueueDeclaration,
} from './queue-declaration.js';
import { Replies } from './replies.js';
import { route } from './routing.js';

export type { QueueDeclaration };

type Table = Readonly<Record<string, unknown>>;

export interface VhostOptions {
  readonly clock: Clock;
  readonly profile: Profile;
  /** Milliseconds until a delivery must be settled; 0 is for ever. Default half an hour. */
  readonly consumerTimeout?: number | undefined;
  /** Bytes of a body. Default: the profile's. */
  readonly maxMessageSize?: number | undefined;
  /** Told when messages have left a queue for good. */
  readonly left?: () => void;
}

const noQueues: ReadonlySet<Queue> = new Set();
const halfAnHour = 1_800_000; // RabbitMQ's default

export class Vhost {
  readonly name: string;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly consumerTimeout: number;
  readonly maxMessageSize: number;
  /** Direct reply-to. */
  readonly replies: Replies = new Replies();
  #exchanges: Exchanges;
  #queues = new Map<string, Queue>();
  #journal: Journal | undefined;
  #left: () => void;

  constructor(name: string, options: VhostOptions) {
    this.name = name;
    this.clock = options.clock;
    this.profile = options.profile;
    this.#left = options.left ?? (() => undefined);
    this.consumerTimeout = options.consumerTimeout ?? halfAnHour;
    this.maxMessageSize = options.maxMessageSize ?? options.profile.maxMessageSize;
    this.#exchanges = new Exchanges(name);
  }

  find(queue: string): Queue | undefined {
    return this.#queues.get(queue);
  }

  /** From now on, what is durable is told to it; what is there already is its own. */
  keepIn(journal: Journal): void {
    this.#journal = journal;
    this.#exchanges.journal = journal;
  }

  get queues(): IterableIterator<Queue> {
    return this.#queues.values();
  }

  get exchanges(): IterableIterator<Exchange> {
    return this.#exchanges.byName.values();
  }

  /** Throws 404, or 405 for another connection's exclusive queue. */
  queue(name: string, connection: object): Queue {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw noQueue(name, this.name);
    const { owner } = queue.options;
    if (owner !== undefined && owner !== connection) throw locked(name, this.name);
    return queue;
  }

  /** Throws 404. */
  exchange(name: string): Exchange {
    return this.#exchanges.get(name);
  }

  declareQueue(declaration: QueueDeclaration): Queue {
    assertNameable(declaration);
    const present = this.#queues.get(declaration.name);
    if (present === undefined) return this.#newQueue(declaration);
    assertSameQueue(present, declaration);
    present.used();
    return present;
  }

  /** What a journal kept, which was allowed when it was declared. */
  restoreQueue(declaration: QueueDeclaration): Queue {
    return this.#queues.get(declaration.name) ?? this.#newQueue(declaration);
  }

  /** Throws 406 when it is used or not empty and that was asked for. Gives the number of messages that went. */
  deleteQueue(name: string, conditions: { ifUnused: boolean; ifEmpty: boolean; connection: object }): number {
    const present = this.#queues.get(name);
    if (present === undefined) return 0; // deleting what is not there is fine (RabbitMQ since 3.2)
    const queue = this.queue(name, conditions.connection);
    const subject = `queue '${name}' in vhost '${this.name}'`;
    const flags = [
      conditions.ifUnused ? 'if-unused' : undefined,
      conditions.ifEmpty ? 'if-empty' : undefined,
    ].filter((flag) => flag !== undefined);
    if (queue.options.settings.type === 'quorum' && flags.length > 0) {
      throw new AmqpError(
        540,
        `cannot delete ${subject}. queue.delete operations with ${flags[0]} flag set are not supported by quorum queues`,
      );
    }
    if (conditions.ifUnused && queue.consumerCount > 0) throw new AmqpError(406, `${subject} in use`);
    if (conditions.ifEmpty && queue.messageCount > 0) throw new AmqpError(406, `${subject} not empty`);
    const count = queue.messageCount;
    this.#removeQueue(queue);
    return count;
  }

  declareExchange(declaration: ExchangeDeclaration): Exchange {
    return this.#exchanges.declare(declaration);
  }

  deleteExchange(name: string, ifUnused: boolean): void {
    this.#exchanges.delete(name, ifUnused);
  }

  /** Throws 403 for the default exchange at either end, 404 for what is missing. */
  bind(source: string, destination: Destination, key: { routingKey: string; arguments: Table }): void {
    assertBindable(source, destination);
    const exchange = this.exchange(source);
    if (destination.kind === 'exchange') this.exchange(destination.name);
    else if (!this.#queues.has(destination.name)) throw noQueue(destination.name, this.name);
    exchange.bind(destination, key.routingKey, key.arguments);
    this.#ifKept(exchange, destination)?.bound(bindingOf(source, destination, key));
  }

  isBound(source: string, to: Destination, key: { routingKey: string; arguments: Table }): boolean {
    return this.#exchanges.byName.get(source)?.has(to, key.routingKey, key.arguments) === true;
  }

  /** What is missing, ends included, is not missed (RabbitMQ since 3.2). Throws 403 for the default exchange. */
  unbind(source: string, destination: Destination, key: { routingKey: string; arguments: Table }): void {
    assertBindable(source, destination);
    const exchange = this.#exchanges.byName.get(source);
    if (exchange?.unbind(destination, key.routingKey, key.arguments) !== true) return;
    this.#ifKept(exchange, destination)?.unbound(bindingOf(source, destination, key));
    this.#exchanges.afterUnbind(exchange);
  }

  /** Throws 404 for a missing exchange, 403 for an internal one. */
  assertPublishable(name: string): void {
    if (!this.exchange(name).options.internal) return;
    throw new AmqpError(403, `cannot publish to internal exchange '${name}' in vhost '${this.name}'`);
  }

  /** The queues of a message. Throws 404 for a missing exchange. */
  targets(message: Message): ReadonlySet<Queue> {
    if (message.exchange === '' && message.copies === undefined) return this.#named(message.routingKey);
    return route(this.exchange(message.exchange), message, {
      exchanges: this.#exchanges.byName,
      queues: this.#queues,
    });
  }

  /** What the default exchange is for, without going through its bindings. */
  #named(queue: string): ReadonlySet<Queue> {
    const found = this.#queues.get(queue);
    return found === undefined ? noQueues : new Set([found]);
  }

  /** Into the queues it was found to be meant for. False when a full queue refused it. */
  deliver(message: Message, queues: ReadonlySet<Queue>): boolean {
    if (message.exchange === '') this.replies.deliver(message);
    let taken = true;
    for (const queue of queues) if (!queue.publish(message)) taken = false;
    return taken;
  }

  /** The connection is gone: so are its exclusive queues. */
  connectionClosed(connection: object): void {
    for (const queue of [...this.#queues.values()])
      if (queue.options.owner === connection) this.#removeQueue(queue);
  }

  #newQueue(declaration: QueueDeclaration): Queue {
    const { name, durable, exclusive, autoDelete, arguments: args, connection } = declaration;
    const { profile } = this;
    const subject = `queue '${name}' in vhost '${this.name}'`;
    const settings = readSettings(args, { subject, profile });
    assertDeclarable({ declaration, type: settings.type, subject, profile });
    const isKept = durable && !exclusive;
    if (isKept) this.#journal?.queueDeclared({ name, autoDelete, arguments: args });
    const queue = new Queue({
      name,
      vhost: this.name,
      durable: isKept,
      autoDelete,
      owner: exclusive ? connection : undefined,
      arguments: args,
      settings,
      profile,
      clock: this.clock,
      journal: isKept ? this.#journal : undefined,
      bury: (entry, reason, from) => this.#bury(entry, reason, from),
      left: this.#left,
      unwanted: (unwanted) => this.#removeQueue(unwanted),
    });
    this.#queues.set(name, queue);
    this.exchange('').bind({ kind: 'queue', name }, name, {});
    return queue;
  }

  /** A dead message goes to the queue's dead-letter exchange, unless it has gone in a circle; else it is gone. */
  #bury({ message }: Entry, reason: DeathReason, queue: Queue): void {
    const { deadLetterExchange: exchange, deadLetterRoutingKey: routingKey } = queue.options.settings;
    if (exchange === undefined || !this.#exchanges.byName.has(exchange)) return;
    const burial = { queue: queue.name, reason, now: this.clock.now(), profile: this.profile };
    const copy = deadLetter(message, burial, { exchange, routingKey });
    for (const target of this.targets(copy))
      if (reason === 'rejected' || !isCycle(target.name, copy)) target.publish(copy);
  }

  #removeQueue(queue: Queue): void {
    if (this.#queues.get(queue.name) !== queue) return;
    this.#queues.delete(queue.name);
    queue.options.journal?.queueDeleted(queue.name);
    queue.destroy();
    this.#exchanges.forget({ kind: 'queue', name: queue.name });
    this.#left();
  }

  /** A binding is durable when both of its ends are. */
  #ifKept(source: Exchange, { kind, name }: Destination): Journal | undefined {
    const isKept =
      kind === 'queue'
        ? this.#queues.get(name)?.options.journal !== undefined
        : this.#exchanges.byName.get(name)?.options.durable === true;
    return isKept && source.options.durable ? this.#journal : undefined;
  }
}

/** The key may be more than it says: a method's fields. */
function bindingOf(
  source: string,
  destination: Destination,
  { routingKey, arguments: args }: { routingKey: string; arguments: Table },
): BindingRecord {
  return { source, destination, routingKey, arguments: args };
}

function assertBindable(source: string, { kind, name }: Destination): void {
  if (kind === 'exchange') assertNotDefault(name);
  assertNotDefault(source);
}
