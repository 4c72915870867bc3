/**
 * How long a client may hold a delivery without a word. Up to RabbitMQ 3.13 the oldest delivery of a channel decides,
 * and the channel is closed; since 4.3 it is the quorum queue that loses patience, takes its messages back and cancels
 * the consumer. Keeps one timer.
 *
 * Source: rabbit_channel.erl (evaluate_consumer_timeout; 4.3: handle_consumer_timed_out), rabbit_fifo.erl of 4.3.
 */
import type { Timer } from '../engine/clock.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Vhost } from '../engine/vhost.js';
import type { Deliveries, Subscription, Unacked } from './deliveries.js';

export interface ConsumerTimeoutOptions {
  readonly vhost: Vhost;
  readonly channel: number;
  readonly deliveries: Deliveries;
  /** Closes the channel. */
  readonly refuse: (error: AmqpError) => void;
  /** Ends a consumer, and tells the client. False: the client would not understand. */
  readonly cancel: (subscription: Subscription) => boolean;
}

export class ConsumerTimeout {
  #options: ConsumerTimeoutOptions;
  #timer: Timer | undefined;

  constructor(options: ConsumerTimeoutOptions) {
    this.#options = options;
  }

  /** After every delivery. */
  watch(): void {
    const { consumerTimeout, clock } = this.#options.vhost;
    if (this.#timer !== undefined || consumerTimeout === 0) return;
    const [oldest] = this.#watched();
    if (oldest === undefined) return;
    const left = oldest.since + consumerTimeout - clock.now();
    this.#timer = clock.after(Math.max(0, left), () => {
      this.#timer = undefined;
      this.#end([...this.#watched()].filter((unacked) => this.#isLate(unacked)));
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** As if the time were over for everything in the client's hands. */
  expire(): void {
    this.#end([...this.#watched()]);
  }

  #end(late: readonly Unacked[]): void {
    const { vhost } = this.#options;
    if (late.length === 0) return;
    if (vhost.profile.consumerTimeout === 'of channels') this.#refuse(vhost.consumerTimeout);
    else this.#takeBack(late);
  }

  #takeBack(late: readonly Unacked[]): void {
    const understood = [...new Set(late.map(({ subscription }) => subscription))].map(
      (subscription) => subscription !== undefined && this.#options.cancel(subscription),
    );
    for (const unacked of late) {
      unacked.isLate = true;
      unacked.queue.returned([unacked.entry], { requeue: true, by: 'timeout' });
    }
    // 4.3.0 has lost the number by then, and says -1.
    if (understood.includes(false)) this.#refuse(-1);
  }

  #refuse(value: number): void {
    this.#options.refuse(
      new AmqpError(
        406,
        `delivery acknowledgement on channel ${this.#options.channel} timed out. Timeout value used: ${value} ms. This timeout value can be configured, see consumers doc guide to learn more`,
      ),
    );
  }

  *#watched(): Generator<Unacked> {
    for (const unacked of this.#options.deliveries) if (this.#isWatched(unacked)) yield unacked;
  }

  #isWatched({ queue, subscription, isLate }: Unacked): boolean {
    if (this.#options.vhost.profile.consumerTimeout === 'of channels') return true;
    return queue.options.settings.type === 'quorum' && subscription !== undefined && isLate !== true;
  }

  #isLate({ since }: Unacked): boolean {
    const { consumerTimeout, clock } = this.#options.vhost;
    return clock.now() - since >= consumerTimeout;
  }
}
