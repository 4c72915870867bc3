/**
 * What a virtual host tells of changes that are to outlive the process: durable exchanges, queues and bindings, and
 * persistent messages in durable queues. A port: where nothing is kept, nobody listens. Each call comes before
 * anything that a client could take as a promise.
 */
import type { Destination, ExchangeOptions } from './exchange.js';
import type { Entry } from './message.js';
import type { Place } from './ready-list.js';

type Table = Readonly<Record<string, unknown>>;

export interface DurableQueue {
  readonly name: string;
  readonly autoDelete: boolean;
  readonly arguments: Table;
}

export interface BindingRecord {
  readonly source: string;
  readonly destination: Destination;
  readonly routingKey: string;
  readonly arguments: Table;
}

/** The messages of a queue, as they were kept. */
export interface KeptMessages {
  /** In order, those of each priority. */
  readonly waiting: readonly Entry[];
  /** Had come back and went before all others, in order. */
  readonly first: readonly Entry[];
  /** Were in clients' hands, oldest delivery first. */
  readonly given: readonly Entry[];
}

export interface Journal {
  exchangeDeclared(options: ExchangeOptions): void;
  exchangeDeleted(name: string): void;
  queueDeclared(queue: DurableQueue): void;
  /** Its messages and bindings go with it. */
  queueDeleted(name: string): void;
  bound(binding: BindingRecord): void;
  unbound(binding: BindingRecord): void;
  /** The entry waits in the queue from now on. */
  added(queue: string, entry: Entry): void;
  /** It was handed to a consumer, which has not settled it. */
  delivered(queue: string, entry: Entry): void;
  /** It waits again, at that place; `deliveryCount` may have grown. */
  returned(queue: string, entry: Entry, place: Place): void;
  /** It has left the queue for good. */
  removed(queue: string, entry: Entry): void;
}
