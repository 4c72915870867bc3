/**
 * What a channel has delivered and the client has not settled: numbers, prefetch, and giving back. Knows queues, no
 * frames.
 */
import { AmqpError } from '../engine/amqp-error.js';
import type { Entry, Message } from '../engine/message.js';
import { replaceProperties } from '../engine/properties.js';
import type { Consumer, Queue, Return } from '../engine/queue.js';

/** A consumer of this channel. */
export interface Subscription {
  readonly consumer: Consumer;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly prefetch: number;
  unacked: number;
  /** False until the client has been told that it consumes. */
  isOpen: boolean;
}

/** A delivery in the client's hands; without subscription it came by `basic.get`. */
export interface Unacked {
  readonly tag: number;
  readonly entry: Entry;
  readonly queue: Queue;
  readonly subscription: Subscription | undefined;
  /** Milliseconds of the broker's clock. */
  readonly since: number;
  /** It took too long: the queue has it back, and what the client says of it is void. */
  isLate?: boolean;
}

/** What a client says of a delivery. */
export type Settlement = 'ack' | Return;

export class Deliveries {
  /** Shared by the consumers of the channel (`global`); 0 is no limit. */
  channelPrefetch = 0;
  #unacked = new Map<number, Unacked>();
  /** False: what a transaction gave back is at the end, wherever it belongs. */
  #isInOrder = true;
  /** Of consumers, those in a transaction included. */
  #held = 0;
  #lastTag = 0;

  /** The number of the next delivery. */
  get nextTag(): number {
    return this.#lastTag + 1;
  }

  /** Those in the client's hands, oldest first. */
  [Symbol.iterator](): IterableIterator<Unacked> {
    this.#putInOrder();
    return this.#unacked.values();
  }

  /** Whether the channel's own limit is what holds deliveries back. */
  get isAtLimit(): boolean {
    return this.channelPrefetch > 0 && this.#held >= this.channelPrefetch;
  }

  /** Whether a consumer may be sent another one. */
  hasRoom({ prefetch, unacked, noAck }: Subscription): boolean {
    if (noAck) return true;
    const own = prefetch === 0 || unacked < prefetch;
    return own && !this.isAtLimit;
  }

  /** Numbers a delivery, and remembers it unless it is settled by being sent. */
  add(delivery: Omit<Unacked, 'tag'>, noAck: boolean): number {
    const tag = ++this.#lastTag;
    if (noAck) {
      delivery.queue.acked(delivery.entry);
      return tag;
    }
    if (delivery.subscription !== undefined) this.#hold(delivery.subscription, 1);
    this.#unacked.set(tag, { ...delivery, tag });
    return tag;
  }

  /** Takes one, or all up to it, out of the client's hands. Throws 406 for a number that is not there. */
  take(tag: number, multiple: boolean): Unacked[] {
    const tags = multiple ? this.#upTo(tag) : this.#unacked.has(tag) ? [tag] : [];
    const isKnown = multiple ? tag === 0 || tags.at(-1) === tag : tags.length > 0;
    if (!isKnown) throw new AmqpError(406, `unknown delivery tag ${tag}`);
    return tags.map((one) => {
      const unacked = this.#unacked.get(one) as Unacked;
      this.#unacked.delete(one);
      return unacked;
    });
  }

  /** Puts back what was taken and not settled. */
  untake(taken: readonly Unacked[]): void {
    for (const unacked of taken) this.#unacked.set(unacked.tag, unacked);
    if (taken.length > 0) this.#isInOrder = false;
  }

  #putInOrder(): void {
    if (this.#isInOrder) return;
    const all = [...this.#unacked.values()].sort((a, b) => a.tag - b.tag);
    this.#unacked = new Map(all.map((unacked) => [unacked.tag, unacked]));
    this.#isInOrder = true;
  }

  /** Tells their queues. Gives the queues that were told. */
  settle(taken: readonly Unacked[], settlement: Settlement): Iterable<Queue> {
    const told = taken.filter((unacked) => this.#letGo(unacked));
    const [only] = told;
    if (only !== undefined && told.length === 1) {
      tell(only.queue, [only.entry], settlement); // one by one is how most are settled
      return [only.queue];
    }
    const byQueue = new Map<Queue, Entry[]>();
    for (const { queue, entry } of told) {
      const entries = byQueue.get(queue);
      if (entries === undefined) byQueue.set(queue, [entry]);
      else entries.push(entry);
    }
    for (const [queue, entries] of byQueue) tell(queue, entries, settlement);
    return byQueue.keys();
  }

  /** It counts no longer. False when its queue has it back already. */
  #letGo({ queue, subscription, isLate }: Unacked): boolean {
    if (subscription !== undefined) {
      this.#hold(subscription, -1);
      queue.consumers.readmit(subscription.consumer); // before others are asked for what comes back
    }
    return isLate !== true;
  }

  /** Everything goes back to its queue. */
  requeueAll(by: Return['by']): void {
    this.settle(this.take(0, true), { requeue: true, by });
  }

  #hold(subscription: Subscription, by: 1 | -1): void {
    subscription.unacked += by;
    this.#held += by;
  }

  /** Numbers in order up to this one; all of them for 0. */
  #upTo(tag: number): number[] {
    const tags: number[] = [];
    this.#putInOrder();
    for (const one of this.#unacked.keys()) {
      if (tag !== 0 && one > tag) break;
      tags.push(one);
    }
    return tags;
  }
}

function tell(queue: Queue, entries: readonly Entry[], settlement: Settlement): void {
  if (settlement === 'ack') for (const entry of entries) queue.acked(entry);
  else queue.returned(entries, settlement);
}

/**
 * Quorum queues tell in headers how often a message came back. Up to 3.12, `basic.get` tells that of one that never did
 * (rabbit_fifo_client.erl: dequeue).
 */
export function counted(entry: Entry, { options }: Queue, by: 'get' | 'consume'): Message {
  const { message, deliveryCount, acquiredCount = deliveryCount } = entry;
  const { settings, profile } = options;
  const showsZero = by === 'get' && profile.getCountsFromZero;
  if (settings.type !== 'quorum' || (acquiredCount === 0 && !showsZero)) return message;
  const headers = {
    ...message.properties.headers,
    ...(deliveryCount > 0 || showsZero ? { 'x-delivery-count': deliveryCount } : {}),
    ...(profile.nackCounts ? {} : { 'x-acquired-count': acquiredCount }),
  };
  const raw = replaceProperties(message.properties.raw, { headers });
  return { ...message, properties: { ...message.properties, headers, raw } };
}
