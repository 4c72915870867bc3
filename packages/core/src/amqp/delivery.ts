/**
 * A message in hand, bound for life to the channel it came on. Settling it after that channel is gone, or a
 * second time, writes nothing and is counted: the broker has given the message to someone else by then, and its
 * tag may mean another message on another channel (ADR 0002).
 */
import type { ConsumeMessage } from 'amqplib';

import type { ChannelLoss, Delivery } from '../ports.js';
import type { Acknowledgements } from './acknowledgements.js';
import type { ReceivedProperties } from './frame-reader.js';

/** Closed without an error, with its connection, or by us. */
const closed: ChannelLoss = { code: undefined, text: 'closed' };

/** One channel's life as deliveries see it. */
export class ChannelLease {
  readonly acknowledgements: Acknowledgements;
  /** Told of every settling that came too late. */
  readonly onStale: () => void;
  open = true;
  unsettled = 0;
  #lostCallbacks = new Set<(loss: ChannelLoss) => void>();

  constructor(acknowledgements: Acknowledgements, onStale: () => void) {
    this.acknowledgements = acknowledgements;
    this.onStale = onStale;
  }

  onLost(callback: (loss: ChannelLoss) => void): () => void {
    this.#lostCallbacks.add(callback);
    return () => void this.#lostCallbacks.delete(callback);
  }

  /** The channel is gone: nothing of it can be settled any more, and those who asked are told. */
  end(loss: ChannelLoss = closed): void {
    if (!this.open) return;
    this.open = false;
    this.acknowledgements.close();
    const callbacks = [...this.#lostCallbacks];
    this.#lostCallbacks.clear();
    for (const callback of callbacks) callback(loss);
  }
}

/** Where deliveries come from: one queue, over one channel. */
export interface Subscription {
  readonly lease: ChannelLease;
  readonly queue: string;
}

export class AmqpDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
  #lease: ChannelLease;
  #tag: number;
  #settled = false;

  constructor({ lease, queue }: Subscription, message: ConsumeMessage, properties: ReceivedProperties) {
    this.queue = queue;
    this.exchange = message.fields.exchange;
    this.routingKey = message.fields.routingKey;
    this.redelivered = message.fields.redelivered;
    this.properties = properties;
    this.body = message.content;
    this.#lease = lease;
    this.#tag = message.fields.deliveryTag;
    lease.unsettled++;
  }

  get headerError(): string | undefined {
    return this.properties.headerError;
  }

  get rawHeaders(): Buffer | undefined {
    return this.properties.rawHeaders;
  }

  get live(): boolean {
    return this.#lease.open && !this.#settled;
  }

  onLost(callback: (loss: ChannelLoss) => void): () => void {
    if (this.live) return this.#lease.onLost(callback);
    return () => undefined;
  }

  ack(): void {
    if (this.#settle()) this.#lease.acknowledgements.ack(this.#tag);
  }

  requeue(countsAsFailure: boolean): void {
    if (this.#settle()) this.#lease.acknowledgements.requeue(this.#tag, countsAsFailure);
  }

  #settle(): boolean {
    if (!this.live) {
      this.#lease.onStale();
      return false;
    }
    this.#settled = true;
    this.#lease.unsettled--;
    return true;
  }
}
