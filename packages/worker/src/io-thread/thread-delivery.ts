/**
 * A delivery that the I/O thread holds, as the main thread sees it: bound to the channel it came on, settled once. That
 * the channel is gone is seen at once, also before the thread's message about it is read.
 */
import type { ChannelLoss, Delivery, ReceivedProperties } from '@celeriac/core';

import type { Arrived } from './delivery-batch.js';
import { settlement, type Settlement } from './protocol.js';

/** One channel's life. */
export class ThreadChannel {
  readonly number: number;
  #current: Int32Array;
  #open = true;
  #lostCallbacks = new Set<(loss: ChannelLoss) => void>();

  /** `current` holds the number of the channel that lives. */
  constructor(current: Int32Array) {
    this.#current = current;
    this.number = Atomics.load(current, 0);
  }

  get open(): boolean {
    return this.#open && Atomics.load(this.#current, 0) === this.number;
  }

  onLost(callback: (loss: ChannelLoss) => void): () => void {
    this.#lostCallbacks.add(callback);
    return () => void this.#lostCallbacks.delete(callback);
  }

  end(loss: ChannelLoss): void {
    this.#open = false;
    const callbacks = [...this.#lostCallbacks];
    this.#lostCallbacks.clear();
    for (const callback of callbacks) callback(loss);
  }
}

export interface DeliveryOrigin {
  readonly queue: string;
  readonly channel: ThreadChannel;
  readonly settle: (delivery: number, how: Settlement) => void;
  /** Told of every settling that came too late. */
  readonly onStale: () => void;
}

export class ThreadDelivery implements Delivery {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
  #number: number;
  #origin: DeliveryOrigin;
  #settled = false;

  constructor(arrived: Arrived, origin: DeliveryOrigin) {
    this.exchange = arrived.exchange;
    this.routingKey = arrived.routingKey;
    this.redelivered = arrived.redelivered;
    this.properties = arrived.properties;
    this.body = arrived.body;
    this.#number = arrived.number;
    this.#origin = origin;
  }

  get queue(): string {
    return this.#origin.queue;
  }

  get headerError(): string | undefined {
    return this.properties.headerError;
  }

  get rawHeaders(): Buffer | undefined {
    return this.properties.rawHeaders;
  }

  get live(): boolean {
    return !this.#settled && this.#origin.channel.open;
  }

  onLost(callback: (loss: ChannelLoss) => void): () => void {
    if (this.live) return this.#origin.channel.onLost(callback);
    return () => undefined;
  }

  ack(): void {
    this.#settle(settlement.ack);
  }

  requeue(countsAsFailure: boolean): void {
    this.#settle(countsAsFailure ? settlement.requeueAsFailure : settlement.requeue);
  }

  #settle(how: Settlement): void {
    if (!this.live) {
      this.#origin.onStale();
      return;
    }
    this.#settled = true;
    this.#origin.settle(this.#number, how);
  }
}
