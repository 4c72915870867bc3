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

/** Consumers of one priority. */
interface Level {
  readonly priority: number;
  /** In the order of their turns. */
  readonly waiting: Set<Consumer>;
  /** Had no room when it was their turn. They wait for nothing until they are readmitted. */
  readonly busy: Set<Consumer>;
}

export class Consumers {
  /** In the order they came. */
  #all = new Set<Consumer>();
  /** Highest priority first. */
  #levels: Level[] = [];
  #single: boolean;
  #active: Consumer | undefined;

  constructor(options: { readonly singleActive: boolean }) {
    this.#single = options.singleActive;
  }

  get size(): number {
    return this.#all.size;
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
    this.#all.add(consumer);
    this.#levelOf(consumer).waiting.add(consumer);
    this.#active ??= consumer;
    return true;
  }

  /** True when it was there. The next in turn, of the highest priority, takes the place of the active one. */
  remove(consumer: Consumer): boolean {
    if (!this.#all.delete(consumer)) return false;
    const level = this.#levelOf(consumer);
    level.waiting.delete(consumer);
    level.busy.delete(consumer);
    if (level.waiting.size + level.busy.size === 0) this.#levels.splice(this.#levels.indexOf(level), 1);
    if (this.#active === consumer) this.#active = this.#firstInTurn();
    return true;
  }

  /** Empties it. */
  clear(): Consumer[] {
    const all = [...this.#all];
    this.#all.clear();
    this.#levels = [];
    this.#active = undefined;
    return all;
  }

  /** It may have room again: its turn comes after those that wait. */
  readmit(consumer: Consumer): void {
    if (this.#single || !this.#all.has(consumer)) return;
    const level = this.#levelOf(consumer);
    if (level.busy.delete(consumer)) level.waiting.add(consumer);
  }

  /** Whom the next message goes to; its turn is over then. */
  next(): Consumer | undefined {
    if (this.#single) return this.#active?.ready() === true ? this.#active : undefined;
    for (const level of this.#levels) {
      const found = takeTurn(level);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** An exclusive one is alone. */
  #isExclusive(newcomer: Consumer): boolean {
    const [first] = this.#all;
    return first !== undefined && (first.exclusive || newcomer.exclusive);
  }

  /** Where one alone is active, there are no turns: the oldest. */
  #firstInTurn(): Consumer | undefined {
    const [level] = this.#levels;
    const [first] = level?.waiting ?? [];
    return first;
  }

  #levelOf({ priority }: Consumer): Level {
    const index = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[index];
    if (found?.priority === priority) return found;
    const level = { priority, waiting: new Set<Consumer>(), busy: new Set<Consumer>() };
    this.#levels.splice(index === -1 ? this.#levels.length : index, 0, level);
    return level;
  }
}

/** Each is asked once: who has no room is not asked again until it is readmitted. */
function takeTurn({ waiting, busy }: Level): Consumer | undefined {
  for (const consumer of waiting) {
    waiting.delete(consumer);
    if (consumer.ready()) {
      waiting.add(consumer);
      return consumer;
    }
    busy.add(consumer);
  }
  return undefined;
}
