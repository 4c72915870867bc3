/**
 * What a channel has delivered and the client has not settled: numbers, prefetch, and giving back. Knows queues, no
 * frames.
 */
import { AmqpError } from '../engine/amqp-error.js';
import { withHeaders } from '../engine/dead-letter.js';
import type { Entry, Message } from '../engine/message.js';
import type { Consumer, Queue } from '../engine/queue.js';

/** A consumer of this channel. */
export interface Subscription {
  readonly consumer: Consumer;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly prefetch: number;
  unacked: number;
}

/** A delivery in the client's hands; without subscription it came by `basic.get`. */
export interface Unacked {
  readonly entry: Entry;
  readonly queue: Queue;
  readonly subscription: Subscription | undefined;
}

export class Deliveries {
  /** Shared by the whole channel (`global`); 0 is no limit. */
  channelPrefetch = 0;
  #unacked = new Map<number, Unacked>();
  #lastTag = 0;

  /** Whether a consumer may be sent another one. */
  hasRoom({ prefetch, unacked, noAck }: Subscription): boolean {
    if (noAck) return true;
    const own = prefetch === 0 || unacked < prefetch;
    return own && (this.channelPrefetch === 0 || this.#unacked.size < this.channelPrefetch);
  }

  /** Numbers a delivery, and remembers it unless it is settled by being sent. */
  add(unacked: Unacked, noAck: boolean): number {
    const tag = ++this.#lastTag;
    if (noAck) {
      unacked.queue.acked(unacked.entry);
      return tag;
    }
    if (unacked.subscription !== undefined) unacked.subscription.unacked++;
    this.#unacked.set(tag, unacked);
    return tag;
  }

  /** Settles one, or all up to it. Throws 406 for a number that is not in the client's hands. Gives their queues. */
  settle(tag: number, multiple: boolean, how: (unacked: Unacked) => void): ReadonlySet<Queue> {
    const tags = multiple ? this.#upTo(tag) : this.#unacked.has(tag) ? [tag] : [];
    const isKnown = multiple ? tag === 0 || tags.at(-1) === tag : tags.length > 0;
    if (!isKnown) throw new AmqpError(406, `unknown delivery tag ${tag}`);
    const queues = new Set<Queue>();
    for (const one of tags) {
      const unacked = this.#unacked.get(one) as Unacked;
      this.#unacked.delete(one);
      if (unacked.subscription !== undefined) unacked.subscription.unacked--;
      how(unacked);
      queues.add(unacked.queue);
    }
    return queues;
  }

  /** Everything goes back to its queue. */
  requeueAll(): void {
    const all = [...this.#unacked.values()];
    this.#unacked.clear();
    for (const { entry, queue, subscription } of all) {
      if (subscription !== undefined) subscription.unacked--;
      queue.returned(entry, { requeue: true });
    }
  }

  /** Numbers in order up to this one; all of them for 0. */
  #upTo(tag: number): number[] {
    const tags: number[] = [];
    for (const one of this.#unacked.keys()) {
      if (tag !== 0 && one > tag) break;
      tags.push(one);
    }
    return tags;
  }
}

/** Quorum queues tell in a header how often a message came back. */
export function counted(entry: Entry, queue: Queue): Message {
  const { message, deliveryCount } = entry;
  if (deliveryCount === 0 || queue.options.settings.type !== 'quorum') return message;
  const headers = { ...message.properties.headers, 'x-delivery-count': deliveryCount };
  return {
    ...message,
    properties: { ...message.properties, headers, raw: withHeaders(message.properties.raw, headers) },
  };
}
