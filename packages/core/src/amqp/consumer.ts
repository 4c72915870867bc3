/**
 * Consumes one queue for as long as it is told to: on its own channel, with its own prefetch, and again after a
 * lost connection, a closed channel, a cancel by the broker or a deleted queue. Hands every message over as a
 * Delivery; never decides what becomes of one.
 */
import { EventEmitter } from 'node:events';

import type { Channel, ConsumeMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { CeleriacError, errorText, isCeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { ChannelLoss, Delivery } from '../ports.js';
import { Acknowledgements } from './acknowledgements.js';
import { cancelledByBroker } from './channel-error.js';
import { type ChannelEnd, ChannelSupervisor } from './channel-supervisor.js';
import { AmqpDelivery, ChannelLease } from './delivery.js';
import { incompatible, ReceivedProperties } from './frame-reader.js';
import type { Session } from './session.js';

export interface ConsumerEvents {
  /** Consuming: the first time, or again. */
  subscribed: [];
  /** Not consuming at the moment, and why. */
  unsubscribed: [error: CeleriacError];
  /** Given up before the first subscription: the error will not go away by itself. */
  failed: [error: CeleriacError];
}

export interface ConsumerOptions {
  readonly session: Session;
  readonly queue: string;
  /** How many deliveries the broker sends ahead. */
  readonly prefetch: number;
  /** Makes sure that what is consumed exists. Called before every subscription. */
  readonly declare: () => Promise<void>;
  /** Called in order, must not throw. */
  readonly onDelivery: (delivery: Delivery) => void;
  /** The channel that brought all deliveries so far is gone; called before any delivery of the next one. */
  readonly onChannelLost?: ((loss: ChannelLoss) => void) | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

export class Consumer {
  readonly events: EventEmitter<ConsumerEvents> = new EventEmitter<ConsumerEvents>();
  readonly queue: string;
  #options: ConsumerOptions;
  #supervisor: ChannelSupervisor<Channel>;
  #lease: ChannelLease | undefined;
  #tag: string | undefined;
  #prefetch: number;
  /** What the subscription began with. */
  #subscribedPrefetch: number | undefined;
  /** Why we close the channel, where the broker made us. */
  #loss: ChannelLoss | undefined;
  #cancelled = false;
  #quiet = false;
  /** The channel that is set up, also while it is quiet. */
  #channel: Channel | undefined;
  #lastStep: Promise<void> = Promise.resolve();
  #staleSettles = 0;
  #everSubscribed = false;
  #subscribed = false;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.queue = options.queue;
    this.#prefetch = options.prefetch;
    this.#supervisor = new ChannelSupervisor({
      session: options.session,
      clock: options.clock,
      open: (connection) => connection.createChannel(),
      // The connection was lost while draining: no new deliveries.
      setUp: (channel) =>
        this.#cancelled ? Promise.reject(new Error('cancelled')) : this.#subscribe(channel),
      closing: () => this.#endLease(),
      lost: (end) => this.#lost(end),
      setUpFailed: (error) => this.#subscribeFailed(error),
    });
  }

  /** True while the broker sends us messages. */
  get subscribed(): boolean {
    return this.#subscribed;
  }

  /** Settlings that came after their channel was gone: nothing was written for them. */
  get staleSettles(): number {
    return this.#staleSettles;
  }

  start(): void {
    this.#supervisor.start();
  }

  /**
   * So many deliveries ahead from now on. A subscription keeps the prefetch it began with (rabbitmq.com/docs/consumer-prefetch:
   * "applied separately to each new consumer"), so another one takes its place, on the same channel: what is in hand
   * stays valid. Resolves when it holds, or is left to `resume` or the next channel. Never rejects.
   */
  async setPrefetch(prefetch: number): Promise<void> {
    this.#prefetch = prefetch;
    await this.#inTurn(() => this.#subscribeAnew());
  }

  /** Stops new deliveries; those in hand stay valid. Resolves when the broker has confirmed it. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    const channel = this.#supervisor.channel;
    if (channel === undefined || this.#tag === undefined) return;
    // A lost channel is cancelled too.
    await channel.cancel(this.#tag).catch(() => undefined);
    this.#subscribed = false;
  }

  /**
   * Stops new deliveries until `resume`; the channel stays, with what came on it. Resolves when the broker has confirmed
   * it: nothing comes after. One that is not subscribed yet becomes so without deliveries.
   */
  quiet(): Promise<void> {
    this.#quiet = true;
    return this.#inTurn(async () => {
      if (!this.#quiet) return;
      const tag = this.#tag;
      this.#subscribed = false;
      if (tag === undefined) return;
      this.#tag = undefined;
      await this.#channel?.cancel(tag).catch(() => undefined); // a lost channel is quiet too
    });
  }

  /** Takes up again after `quiet`. `subscribed` is told when the broker delivers, which may be later. Never rejects. */
  async resume(): Promise<void> {
    this.#quiet = false;
    try {
      await this.#inTurn(() => this.#consumeAgain());
    } catch (error) {
      const { logger } = this.#options;
      logger.warn('cannot take up consuming on this channel, opening another', { queue: this.queue, error });
      this.#supervisor.recycle();
    }
  }

  /** Writes acknowledgements that wait for the end of the turn. */
  flush(): void {
    this.#lease?.acknowledgements.flush();
  }

  /** Closes the channel. What was not settled goes back to the queue. */
  async close(): Promise<void> {
    this.#cancelled = true;
    await this.#supervisor.stop();
  }

  async #subscribe(channel: Channel): Promise<void> {
    const { declare, onChannelLost } = this.#options;
    this.#loss = undefined;
    await declare();
    const lease = new ChannelLease(new Acknowledgements(channel), () => this.#stale());
    // Not after consume: deliveries may arrive with the very frame that confirms the subscription.
    this.#lease = lease;
    if (onChannelLost !== undefined) lease.onLost(onChannelLost);
    let loss: ChannelLoss | undefined;
    channel.on('error', (error: Error & { code?: number }) => {
      loss ??= { code: error.code, text: errorText(error) };
    });
    channel.once('close', () => lease.end(loss));
    this.#channel = channel;
    await this.#inTurn(() => this.#consume(channel, lease));
  }

  async #consumeAgain(): Promise<void> {
    const channel = this.#channel;
    const lease = this.#lease;
    if (this.#tag !== undefined) {
      this.events.emit('subscribed'); // all the while: somebody may have taken it for quiet
      return;
    }
    if (channel === undefined || lease === undefined) return; // the next channel will be by itself
    await this.#options.declare(); // it may have been deleted meanwhile, which nobody was told of
    await this.#consume(channel, lease);
  }

  async #consume(channel: Channel, lease: ChannelLease): Promise<void> {
    if (this.#quiet) return;
    const { queue, logger } = this.#options;
    const prefetch = this.#prefetch;
    await channel.prefetch(prefetch);
    const { consumerTag } = await channel.consume(queue, (message) => this.#receive(lease, message));
    // Cancelled in between: what is delivered now would go straight back, for ever.
    if (this.#cancelled) await channel.cancel(consumerTag);
    this.#tag = consumerTag;
    this.#subscribedPrefetch = prefetch;
    this.#subscribed = true;
    this.#everSubscribed = true;
    logger.debug('consuming', { queue, prefetch });
    this.events.emit('subscribed');
  }

  async #subscribeAnew(): Promise<void> {
    const [channel, lease, tag] = [this.#channel, this.#lease, this.#tag];
    if (channel === undefined || lease === undefined || tag === undefined) return; // quiet, or not consuming yet
    if (this.#quiet || this.#cancelled || this.#subscribedPrefetch === this.#prefetch) return;
    this.#tag = undefined;
    try {
      await channel.cancel(tag);
      await this.#consume(channel, lease);
    } catch (error) {
      // The channel is gone: the next one begins with the new prefetch.
      this.#options.logger.debug('the prefetch waits for the next channel', { queue: this.queue, error });
    }
  }

  /** One after the other: two subscriptions at once would double the prefetch. */
  #inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.#lastStep.then(step);
    this.#lastStep = done.catch(() => undefined);
    return done;
  }

  #receive(lease: ChannelLease, message: ConsumeMessage | null): void {
    if (message === null) {
      this.#cancelledByBroker();
      return;
    }
    const properties: unknown = message.properties;
    if (!(properties instanceof ReceivedProperties)) {
      this.#giveUp(incompatible());
      return;
    }
    const delivery = new AmqpDelivery({ lease, queue: this.queue }, message, properties);
    if (this.#cancelled) {
      delivery.requeue(false); // sent before the broker read our cancel
      return;
    }
    try {
      this.#options.onDelivery(delivery);
    } catch (error) {
      // amqplib would close the channel with 541 for it, and every delivery on it with it.
      this.#options.logger.error('a delivery could not be taken', { queue: this.queue, error });
      delivery.requeue(true);
    }
  }

  /** amqplib throws at a write to a channel that is closing: what waits is written before, and nothing after. */
  #endLease(): void {
    this.flush();
    this.#lease?.end(this.#loss);
  }

  /** The queue was deleted, or its leader moved. A new channel declares and subscribes again. */
  #cancelledByBroker(): void {
    this.#subscribed = false;
    this.#loss = { code: undefined, text: cancelledByBroker };
    this.#options.logger.warn('the broker cancelled the subscription', {
      queue: this.queue,
      hint: 'the queue was deleted or moved; subscribing again',
    });
    this.#supervisor.recycle();
  }

  #lost(end: ChannelEnd): void {
    this.#lease?.end();
    this.#subscribed = false;
    this.#tag = undefined;
    this.#channel = undefined;
    if (this.#cancelled) return;
    const error = new CeleriacError('ERR_CHANNEL_CLOSED', {
      message: `Consuming '${this.queue}' was interrupted: ${end.text}.`,
      hint: 'Unsettled deliveries went back to the queue; subscribing again.',
      values: { queue: this.queue, code: end.code },
      cause: end.cause,
    });
    if (end.code !== undefined) this.#options.logger.warn('channel closed', { queue: this.queue, error });
    this.events.emit('unsubscribed', error);
  }

  /** True gives up. */
  #subscribeFailed(cause: unknown): boolean {
    this.#lease?.end();
    this.#channel = undefined;
    if (this.#cancelled) return true;
    // At the start a person is watching; later on, whoever broke the queue may mend it while we keep trying.
    if (!this.#everSubscribed && isCeleriacError(cause) && !cause.retryable) return this.#giveUp(cause);
    if (this.#options.session.connection !== undefined) {
      this.#options.logger.warn('cannot consume yet, trying on', { queue: this.queue, error: cause });
    }
    const error = new CeleriacError('ERR_CHANNEL_CLOSED', {
      message: `Cannot consume '${this.queue}' yet: ${errorText(cause)}.`,
      hint: 'Trying on.',
      values: { queue: this.queue },
      cause,
    });
    this.events.emit('unsubscribed', error);
    return false;
  }

  #giveUp(error: CeleriacError): true {
    this.#cancelled = true;
    this.#subscribed = false;
    this.#options.logger.error('cannot consume', { queue: this.queue, error });
    this.events.emit('failed', error);
    return true;
  }

  #stale(): void {
    this.#staleSettles++;
    this.#options.logger.debug('settled too late: its channel is gone, the broker redelivers', {
      queue: this.queue,
    });
  }
}
