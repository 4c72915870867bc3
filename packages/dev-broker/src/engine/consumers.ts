/**
 * Who consumes a queue, and whose turn it is: by priority, then in turn; or one alone until it leaves. Knows no
 * messages.
 *
 * Source: rabbit_queue_consumers.erl, rabbit_amqqueue_process.erl of RabbitMQ 3.10.
 */
import type { Entry } from './message.js';

/** Someone who consumes. The channel implements it. */
export interface Consumer {
  readonly tag: string;
  readonly exclusive: boolean;
  readonly priority: number;
  /** True while it may be sent another message. */
  readonly ready: () => boolean;
  /** Hands a message over. It is the consumer's until it settles it. */
  readonly deliver: (entry: Entry) => void;
  /** The queue is gone, or someone else's now. */
  readonly cancelled: () => void;
  /** For those who look: what the client asked for, and whose it is. */
  readonly details?: ConsumerDetails;
}

export interface ConsumerDetails {
  readonly noAck: boolean;
  readonly prefetch: number;
  readonly channel: number;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export class Consumers {
  /** In the order of their turns. */
  #all: Consumer[] = [];
  #single: boolean;
  #active: Consumer | undefined;

  constructor(options: { readonly singleActive: boolean }) {
    this.#single = options.singleActive;
  }

  get size(): number {
    return this.#all.length;
  }

  [Symbol.iterator](): IterableIterator<Consumer> {
    return this.#all.values();
  }

  /** The one that is sent messages, where only one is. */
  get singleActive(): Consumer | undefined {
    return this.#single ? this.#active : undefined;
  }

  /** Whether messages go to it: always, unless one alone is active and it is another. */
  isActive(consumer: Consumer): boolean {
    return !this.#single || this.#active === consumer;
  }

  /** False when exclusive use forbids it: with one active consumer, none may be exclusive. */
  add(consumer: Consumer): boolean {
    if (this.#single ? consumer.exclusive : this.#isExclusive(consumer)) return false;
    this.#all.push(consumer);
    this.#active ??= consumer;
    return true;
  }

  /** True when it was there. The next in turn, of the highest priority, takes the place of the active one. */
  remove(consumer: Consumer): boolean {
    const index = this.#all.indexOf(consumer);
    if (index === -1) return false;
    this.#all.splice(index, 1);
    if (this.#active === consumer) this.#active = this.#first(() => true);
    return true;
  }

  /** Empties it. */
  clear(): Consumer[] {
    const all = this.#all;
    this.#all = [];
    this.#active = undefined;
    return all;
  }

  /** Whom the next message goes to; its turn is over then. */
  next(): Consumer | undefined {
    if (this.#single) return this.#active?.ready() === true ? this.#active : undefined;
    const found = this.#first((consumer) => consumer.ready());
    if (found !== undefined && this.#all.length > 1) {
      this.#all.splice(this.#all.indexOf(found), 1);
      this.#all.push(found);
    }
    return found;
  }

  #isExclusive(newcomer: Consumer): boolean {
    return this.#all.some(({ exclusive }) => exclusive) || (newcomer.exclusive && this.#all.length > 0);
  }

  #first(suits: (consumer: Consumer) => boolean): Consumer | undefined {
    let found: Consumer | undefined;
    for (const consumer of this.#all) {
      if ((found === undefined || consumer.priority > found.priority) && suits(consumer)) found = consumer;
    }
    return found;
  }
}
