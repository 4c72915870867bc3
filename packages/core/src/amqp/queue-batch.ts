/** What one consumer gets of a queue: so many messages, or as many as there are. Settles none of them. */
import type { Channel, ConsumeMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { silent } from './queue-visit-error.js';

export interface BatchOptions {
  readonly channel: Channel;
  readonly queue: string;
  readonly clock: Clock;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
  readonly wanted: number;
  /** The consumer's name. */
  readonly tag: string;
}

/** So often it is asked whether there are any messages left. */
const lookAfterMs = 100;
/** What comes after the queue has been empty for so long was not in it when it was looked at. */
const longestEmptyMs = 1_000;

export class Batch {
  #options: BatchOptions;
  #messages: ConsumeMessage[] = [];
  #wake: () => void = () => undefined;
  #isCancelled = false;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  async received(): Promise<ConsumeMessage[]> {
    const { channel, queue, wanted, tag } = this.#options;
    const arrived = (message: ConsumeMessage | null): void => {
      if (message === null)
        this.#isCancelled = true; // by the broker: the queue is gone, or its leader
      else this.#messages.push(message);
      if (message === null || this.#messages.length >= wanted) this.#wake();
    };
    await this.#answer(channel.prefetch(wanted));
    await this.#answer(channel.consume(queue, arrived, { consumerTag: tag }));
    await this.#untilAll();
    if (this.#isCancelled) throw new Error('the broker cancelled the consumer');
    // What is on its way comes before the answer.
    await this.#answer(channel.cancel(tag));
    return this.#messages;
  }

  /** Others may have taken some, or they have expired: the queue is then empty while less has come than was to. */
  async #untilAll(): Promise<void> {
    const { channel, queue, clock, wanted, timeoutMs } = this.#options;
    let end = clock.monotonic() + timeoutMs;
    let empty: Empty | undefined;
    for (;;) {
      const before = this.#messages.length;
      await this.#wait();
      const { length } = this.#messages;
      if (length >= wanted || this.#isCancelled) return;
      const { messageCount } = await this.#answer(channel.checkQueue(queue));
      const now = clock.monotonic();
      if (messageCount > 0) empty = undefined;
      else if (isAll(empty, length, now)) return;
      else empty = { since: empty?.since ?? now, length };
      if (length > before) end = now + timeoutMs;
      else if (now > end) throw silent(queue, timeoutMs);
    }
  }

  async #wait(): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (this.#messages.length < this.#options.wanted && !this.#isCancelled) {
      await this.#options.clock.sleep(lookAfterMs, woken.signal);
    }
  }

  #answer<T>(answer: PromiseLike<T>): Promise<T> {
    const { clock, timeoutMs: ms, queue } = this.#options;
    return withDeadline(Promise.resolve(answer), { clock, ms, late: () => silent(queue, ms) });
  }
}

/** The queue was empty: since when, and how many had come by then. */
interface Empty {
  readonly since: number;
  readonly length: number;
}

/** Twice empty: what has left the queue may not be here yet. But new ones may come for ever. */
function isAll(empty: Empty | undefined, length: number, now: number): boolean {
  return empty !== undefined && (empty.length === length || now - empty.since >= longestEmptyMs);
}
