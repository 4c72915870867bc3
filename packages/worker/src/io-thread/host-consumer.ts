/**
 * A subscription in the I/O thread. Hands over deliveries in batches, one a turn of the loop, and says at once, through
 * shared memory, when the channel that brought them is gone.
 */
import { type ChannelLoss, type Delivery, systemClock, type Topology } from '@celeriac/core';

import type { Side, SideConsumer } from '../side.js';
import { type Numbered, packDeliveries } from './delivery-batch.js';
import type { Outbox } from './outbox.js';
import type { Notice } from './protocol.js';
import { toWire } from './wire-error.js';
import { forwardingLogger } from './forwarding-logger.js';

type Opening = Extract<Notice, { kind: 'open-consumer' }>;

/** Who keeps the deliveries that were handed over. */
export interface HeldDeliveries {
  /** A number for a delivery that is handed over. */
  hold(delivery: Delivery, consumer: HostConsumer): number;
  /** Its channel is gone, and all that came on it. */
  dropAllOf(consumer: HostConsumer): void;
}

export interface HostConsumerParts {
  readonly side: Side;
  readonly outbox: Outbox;
  readonly host: HeldDeliveries;
}

export class HostConsumer {
  #number: number;
  #parts: HostConsumerParts;
  #consumer: SideConsumer;
  #channel: Int32Array;
  #batch: Numbered[] = [];

  constructor({ consumer: number, queue, prefetch, topologies, channel }: Opening, parts: HostConsumerParts) {
    const { side, outbox } = parts;
    this.#number = number;
    this.#parts = parts;
    this.#channel = new Int32Array(channel);
    this.#consumer = side.openConsumer({
      queue,
      prefetch,
      declare: () => this.#declare(topologies),
      onDelivery: (delivery) => this.#take(delivery),
      onChannelLost: (loss) => this.#lost(loss),
      logger: forwardingLogger(outbox),
      clock: systemClock,
    });
    const { events } = this.#consumer;
    events.on('subscribed', () => outbox.add({ kind: 'subscribed', consumer: number }));
    events.on('unsubscribed', (error) =>
      outbox.add({ kind: 'unsubscribed', consumer: number, error: toWire(error) }),
    );
    events.on('failed', (error) =>
      outbox.add({ kind: 'consumer-failed', consumer: number, error: toWire(error) }),
    );
  }

  start(): void {
    this.#consumer.start();
  }

  async setPrefetch(prefetch: number): Promise<void> {
    await this.#consumer.setPrefetch(prefetch);
  }

  async quiet(): Promise<void> {
    await this.#consumer.quiet();
  }

  async resume(): Promise<void> {
    await this.#consumer.resume();
  }

  async cancel(): Promise<void> {
    await this.#consumer.cancel();
  }

  async close(): Promise<void> {
    this.#consumer.flush();
    await this.#consumer.close();
  }

  async #declare(topologies: readonly Topology[]): Promise<void> {
    for (const topology of topologies) await this.#parts.side.declarer.declare(topology);
  }

  #take(delivery: Delivery): void {
    const { host, outbox } = this.#parts;
    this.#batch.push({ number: host.hold(delivery, this), delivery });
    if (this.#batch.length === 1) outbox.addLater(() => this.#pack());
  }

  #pack() {
    const batch = packDeliveries(this.#batch, {
      consumer: this.#number,
      channel: Atomics.load(this.#channel, 0),
    });
    this.#batch = [];
    return batch;
  }

  #lost(loss: ChannelLoss): void {
    this.#parts.outbox.flush(); // what came on it goes under its number
    Atomics.add(this.#channel, 0, 1);
    this.#parts.host.dropAllOf(this);
    this.#parts.outbox.add({ kind: 'channel-lost', consumer: this.#number, loss });
  }
}
