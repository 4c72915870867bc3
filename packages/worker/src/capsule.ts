/**
 * Some queues, their consumers, and the slots their handlers share. Starts and stops them as one; what a delivery
 * means is the business of `dispatch`.
 */
import type { CeleriacError, Clock, Delivery, Logger } from '@celeriac/core';

import type { QueuePlan } from './capsule-plan.js';
import { dispatch } from './dispatch.js';
import type { DispatchParts } from './dispatch-parts.js';
import { settle } from './settle.js';
import type { Side, SideConsumer } from './side.js';
import { wrongState } from './worker-state.js';

export interface CapsuleOptions {
  readonly side: Pick<Side, 'openConsumer' | 'declarer'>;
  readonly queues: readonly QueuePlan[];
  readonly dispatchParts: DispatchParts;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface CapsuleSize {
  readonly concurrency: number;
  /** Per queue. */
  readonly prefetch: number;
}

/** A queue and who consumes it. */
interface Intake {
  plan: QueuePlan;
  readonly consumer: SideConsumer;
  inHand: number;
  /** True: it takes no more, and its channel closes with the last of what is in hand. */
  isRetired: boolean;
}

export class Capsule {
  #options: CapsuleOptions;
  #intakes: Intake[];
  /** Per queue, once it was resized. */
  #prefetch: number | undefined;
  #inHand = 0;
  /** It takes nothing any more. */
  #isCancelled = false;
  /** The whole worker takes nothing for now. */
  #isQuiet = false;
  /** Nobody is to take anything of these queues for now. */
  #isPaused = false;
  #idle: (() => void)[] = [];

  constructor(options: CapsuleOptions) {
    this.#options = options;
    this.#intakes = options.queues.map((plan) => this.#open(plan));
  }

  get consumers(): readonly SideConsumer[] {
    return this.#intakes.map(({ consumer }) => consumer);
  }

  /** The queues it consumes, or is about to. */
  get plans(): readonly QueuePlan[] {
    return this.#intakes.filter(({ isRetired }) => !isRetired).map(({ plan }) => plan);
  }

  /** Deliveries not settled yet. */
  get inHand(): number {
    return this.#inHand;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Resolves when every queue is consumed, or exists where it is paused; rejects with the first that cannot be, or when
   * `stopping` fires.
   */
  async start(stopping: AbortSignal): Promise<void> {
    if (this.#isPaused) {
      const { declarer } = this.#options.side;
      await Promise.all(this.plans.map(({ topology }) => declarer.declare(topology)));
      if (!stopping.aborted) for (const consumer of this.consumers) consumer.start();
      return;
    }
    await Promise.all(this.consumers.map((consumer) => whenSubscribed(consumer, stopping)));
  }

  /** No further deliveries until `resume`. */
  async quiet(): Promise<void> {
    this.#isQuiet = true;
    await this.#tellConsumers();
  }

  /** Where it is paused too, `unpause` has to come as well. */
  async resume(): Promise<void> {
    this.#isQuiet = false;
    await this.#tellConsumers();
  }

  /** No further deliveries until `unpause`, whether or not the worker is quiet. Also before `start`. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#tellConsumers();
  }

  async unpause(): Promise<void> {
    this.#isPaused = false;
    await this.#tellConsumers();
  }

  /**
   * How many handlers run at once from now on, and how many deliveries come ahead to each queue; fewer than a batch
   * never do. Never rejects.
   */
  async resize({ concurrency, prefetch }: CapsuleSize): Promise<void> {
    this.#options.dispatchParts.slots.resize(concurrency);
    this.#prefetch = prefetch;
    await Promise.all(this.#intakes.map((intake) => this.#setPrefetch(intake, prefetch)));
  }

  /** No further deliveries. */
  async cancel(): Promise<void> {
    this.#isCancelled = true;
    await Promise.all(this.consumers.map((consumer) => consumer.cancel()));
  }

  /** Resolves when nothing is in hand. */
  idle(): Promise<void> {
    if (this.#inHand === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.push(resolve));
  }

  /** Closes the channels: what is unsettled goes back to the queues. */
  async close(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.close()));
  }

  /** Consumes one queue more. Rejects as `start` does, and is then as it was. */
  async consume(plan: QueuePlan, stopping: AbortSignal): Promise<SideConsumer> {
    const intake = this.#open(plan);
    const before = this.#prefetch;
    try {
      await whenSubscribed(intake.consumer, stopping);
      // Deliveries would go straight back, for ever.
      if (this.#isCancelled) throw wrongState('consume another queue', 'it was stopped');
    } catch (error) {
      await intake.consumer.close();
      throw error;
    }
    this.#intakes.push(intake);
    // Resized while it began.
    if (this.#prefetch !== undefined && this.#prefetch !== before)
      await this.#setPrefetch(intake, this.#prefetch);
    return intake.consumer;
  }

  /** Consumes a queue no longer. What is in hand comes to its end. False where it was not consumed. */
  async release(queue: string): Promise<boolean> {
    const old = this.#intakes.filter(({ plan, isRetired }) => plan.queue === queue && !isRetired);
    for (const intake of old) intake.isRetired = true;
    await Promise.all(old.map(({ consumer }) => consumer.cancel()));
    for (const intake of old) this.#closeIdle(intake);
    return old.length > 0;
  }

  async #tellConsumers(): Promise<void> {
    const isSilent = this.#isQuiet || this.#isPaused;
    await Promise.all(this.consumers.map((consumer) => (isSilent ? consumer.quiet() : consumer.resume())));
  }

  async #setPrefetch(intake: Intake, prefetch: number): Promise<void> {
    const { plan, consumer, isRetired } = intake;
    if (isRetired) return;
    intake.plan = { ...plan, prefetch: Math.max(prefetch, plan.leastPrefetch) };
    await consumer.setPrefetch(intake.plan.prefetch);
  }

  #open(plan: QueuePlan): Intake {
    const { side, logger, clock } = this.#options;
    const { queue, prefetch, topology } = plan;
    const consumer = side.openConsumer({
      ...{ queue, prefetch, logger, clock },
      declare: () => side.declarer.declare(topology),
      onDelivery: (delivery) => this.#take(delivery, intake),
    });
    const intake: Intake = { plan, consumer, inHand: 0, isRetired: false };
    return intake;
  }

  #closeIdle(intake: Intake): void {
    if (!intake.isRetired || intake.inHand > 0) return;
    this.#intakes = this.#intakes.filter((one) => one !== intake);
    void intake.consumer.close();
  }

  #take(delivery: Delivery, intake: Intake): void {
    this.#inHand++;
    intake.inHand++;
    void this.#handle(delivery, intake);
  }

  /** Never rejects. */
  async #handle(delivery: Delivery, intake: Intake): Promise<void> {
    const { dispatchParts: parts } = this.#options;
    try {
      await dispatch(delivery, parts);
    } catch (error) {
      // A bug of ours. The message must not be lost with it, nor come straight back for ever.
      parts.logger.error('a delivery could not be handled', { queue: delivery.queue, error });
      await giveUp(delivery, error, parts);
    }
    this.#inHand--;
    intake.inHand--;
    this.#closeIdle(intake);
    if (this.#inHand > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

/** Never rejects. */
async function giveUp(delivery: Delivery, error: unknown, parts: DispatchParts): Promise<void> {
  try {
    await settle({ kind: 'deadLetter', reason: 'failed', error }, delivery, parts);
  } catch (cause) {
    parts.logger.error('a delivery stays unsettled', { queue: delivery.queue, error: cause });
  }
}

/** Starts it. Rejects when it cannot be, or when `stopping` fires before. */
export function whenSubscribed(consumer: SideConsumer, stopping: AbortSignal): Promise<void> {
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
