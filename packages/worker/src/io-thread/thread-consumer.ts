/**
 * A subscription of the I/O thread, as the main thread sees it. Hands every delivery over in order; opened again, as it
 * was, in a thread that took the place of a crashed one.
 */
import { EventEmitter } from 'node:events';

import type { CeleriacError, ChannelLoss, ConsumerEvents, ConsumerOptions, Topology } from '@celeriac/core';

import type { SideConsumer } from '../side.js';
import { unpackDeliveries } from './delivery-batch.js';
import type { Link } from './link.js';
import type { DeliveryBatch } from './protocol.js';
import { type DeliveryOrigin, ThreadChannel, ThreadDelivery } from './thread-delivery.js';

export interface ThreadConsumerParts {
  readonly number: number;
  readonly options: Omit<ConsumerOptions, 'session'>;
  /** What is declared before every subscription. */
  readonly topologies: readonly Topology[];
  readonly link: Link;
  readonly onStale: () => void;
}

export class ThreadConsumer implements SideConsumer {
  readonly events: EventEmitter<ConsumerEvents> = new EventEmitter<ConsumerEvents>();
  readonly queue: string;
  #parts: ThreadConsumerParts;
  #memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  #current = new Int32Array(this.#memory);
  #origin: DeliveryOrigin;
  #subscribed = false;
  #started = false;
  #cancelled = false;
  #prefetch: number;
  #quiet = false;

  constructor(parts: ThreadConsumerParts) {
    this.#parts = parts;
    this.queue = parts.options.queue;
    this.#prefetch = parts.options.prefetch;
    this.#origin = this.#nextOrigin();
    this.open();
  }

  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Tells the thread about it: a new one, or one that took another's place. */
  open(): void {
    const { number, options, topologies, link } = this.#parts;
    if (this.#cancelled) return;
    link.tell({
      kind: 'open-consumer',
      consumer: number,
      queue: options.queue,
      prefetch: this.#prefetch,
      topologies,
      channel: this.#memory,
    });
    if (this.#quiet) void this.#request('quiet');
    if (this.#started) link.tell({ kind: 'start', consumer: number });
  }

  start(): void {
    this.#started = true;
    this.#parts.link.tell({ kind: 'start', consumer: this.#parts.number });
  }

  async setPrefetch(prefetch: number): Promise<void> {
    const { link, number } = this.#parts;
    this.#prefetch = prefetch;
    // A thread that is gone is followed by one that opens it with this.
    await link.request({ kind: 'prefetch', consumer: number, prefetch }).catch(() => undefined);
  }

  async quiet(): Promise<void> {
    this.#quiet = true;
    this.#subscribed = false; // before it is asked for: it may be told to resume meanwhile
    await this.#request('quiet');
  }

  async resume(): Promise<void> {
    this.#quiet = false;
    await this.#request('resume');
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    await this.#request('cancel');
    this.#subscribed = false;
  }

  flush(): void {
    // The thread reads what was settled before anything it is told later.
  }

  async close(): Promise<void> {
    const { link, number } = this.#parts;
    this.#cancelled = true;
    await link.requestEnd({ kind: 'close-consumer', consumer: number });
  }

  deliver(batch: DeliveryBatch): void {
    const { onDelivery, logger } = this.#parts.options;
    for (const arrived of unpackDeliveries(batch)) {
      const delivery = new ThreadDelivery(arrived, this.#origin);
      try {
        onDelivery(delivery);
      } catch (error) {
        logger.error('a delivery could not be taken', { queue: this.queue, error });
        delivery.requeue(true);
      }
    }
  }

  channelLost(loss: ChannelLoss): void {
    const { channel } = this.#origin;
    this.#origin = this.#nextOrigin();
    channel.end(loss);
  }

  /** The thread is gone, and the channel with it. */
  crashed(error: CeleriacError): void {
    Atomics.add(this.#current, 0, 1);
    this.channelLost({ code: undefined, text: error.message });
    this.unsubscribed(error);
  }

  nowSubscribed(): void {
    this.#subscribed = !this.#cancelled && !this.#quiet;
    this.events.emit('subscribed');
  }

  unsubscribed(error: CeleriacError): void {
    this.#subscribed = false;
    this.events.emit('unsubscribed', error);
  }

  failed(error: CeleriacError): void {
    this.#subscribed = false;
    this.events.emit('failed', error);
  }

  /** A thread that is gone has no subscription, and the next one is told again. */
  async #request(kind: 'quiet' | 'resume' | 'cancel'): Promise<void> {
    const { link, number } = this.#parts;
    await link.request({ kind, consumer: number }).catch(() => undefined);
  }

  #nextOrigin(): DeliveryOrigin {
    const { link, onStale } = this.#parts;
    return {
      queue: this.queue,
      channel: new ThreadChannel(this.#current),
      settle: (delivery, how) => link.settle(delivery, how),
      onStale,
    };
  }
}
