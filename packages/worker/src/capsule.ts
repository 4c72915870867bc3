/**
 * Some queues, their consumers, and the slots their handlers share. Starts and stops them as one; what a delivery
 * means is the business of `dispatch`.
 */
import type { CeleriacError, Clock, Delivery, Logger, Topology } from '@celeriac/core';

import { dispatch, type DispatchParts } from './dispatch.js';
import { settle } from './settle.js';
import type { Side, SideConsumer } from './side.js';
import type { Slots } from './slots.js';
import { wrongState } from './worker-state.js';

export interface CapsuleOptions {
  readonly side: Pick<Side, 'openConsumer' | 'declarer'>;
  readonly queues: readonly {
    readonly queue: string;
    readonly prefetch: number;
    readonly leastPrefetch: number;
    readonly topology: Topology;
  }[];
  readonly dispatchParts: DispatchParts;
  readonly logger: Logger;
  readonly clock: Clock;
}

export class Capsule {
  #consumers: readonly SideConsumer[];
  #slots: Slots;
  #leastPrefetches: readonly number[];
  #inHand = 0;
  #idle: (() => void)[] = [];

  constructor(options: CapsuleOptions) {
    const { side, logger, clock, dispatchParts } = options;
    this.#slots = dispatchParts.slots;
    this.#leastPrefetches = options.queues.map(({ leastPrefetch }) => leastPrefetch);
    const onDelivery = (delivery: Delivery): void => this.#take(delivery, dispatchParts);
    this.#consumers = options.queues.map(({ queue, prefetch, topology }) => {
      const declare = () => side.declarer.declare(topology);
      return side.openConsumer({ queue, prefetch, declare, onDelivery, logger, clock });
    });
  }

  get consumers(): readonly SideConsumer[] {
    return this.#consumers;
  }

  /** Deliveries not settled yet. */
  get inHand(): number {
    return this.#inHand;
  }

  /** Resolves when every queue is consumed; rejects with the first that cannot be, or when `stopping` fires. */
  async start(stopping: AbortSignal): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => started(consumer, stopping)));
  }

  /** How many handlers run at once from now on, and how many deliveries come ahead to each queue. Never rejects. */
  async resize({ concurrency, prefetch }: { concurrency: number; prefetch: number }): Promise<void> {
    this.#slots.resize(concurrency);
    await Promise.all(
      this.#consumers.map((consumer, index) =>
        consumer.setPrefetch(Math.max(prefetch, this.#leastPrefetches[index] ?? 1)),
      ),
    );
  }

  /** No further deliveries. */
  async cancel(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.cancel()));
  }

  /** Resolves when nothing is in hand. */
  idle(): Promise<void> {
    if (this.#inHand === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.push(resolve));
  }

  /** Closes the channels: what is unsettled goes back to the queues. */
  async close(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.close()));
  }

  #take(delivery: Delivery, parts: DispatchParts): void {
    this.#inHand++;
    void dispatch(delivery, parts)
      .catch((error: unknown) => {
        // A bug of ours. The message must not be lost with it, nor come straight back for ever.
        parts.logger.error('a delivery could not be handled', { queue: delivery.queue, error });
        return settle({ kind: 'deadLetter', reason: 'failed', error }, delivery, parts);
      })
      .catch((error: unknown) =>
        parts.logger.error('a delivery stays unsettled', { queue: delivery.queue, error }),
      )
      .finally(() => {
        this.#inHand--;
        if (this.#inHand > 0) return;
        const waiting = this.#idle;
        this.#idle = [];
        for (const resolve of waiting) resolve();
      });
  }
}

function started(consumer: SideConsumer, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      consumer.events.off('subscribed', subscribed);
      consumer.events.off('failed', failed);
      stopping.removeEventListener('abort', stopped);
      settle();
    };
    const subscribed = (): void => finish(resolve);
    const failed = (error: CeleriacError): void => finish(() => reject(error));
    const stopped = (): void => finish(() => reject(wrongState('start', 'it was stopped')));
    consumer.events.on('subscribed', subscribed);
    consumer.events.on('failed', failed);
    stopping.addEventListener('abort', stopped);
    if (stopping.aborted) stopped();
    else consumer.start();
  });
}
