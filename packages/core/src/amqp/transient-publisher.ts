/**
 * Publishes what nobody misses: not persistent, without confirms, on a channel of its own that is opened at the first
 * message. While the connection is gone, blocked or slow, a bounded number of messages waits for a few seconds and the
 * rest is dropped. Holds up nothing, and loses nothing but its own messages.
 */
import type { Channel } from 'amqplib';

import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import type { TransientMessage, TransientSink } from '../ports.js';
import { ChannelSupervisor } from './channel-supervisor.js';
import type { Session } from './session.js';

export interface TransientPublisherOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes sure that the exchange exists. Called before every use of a new channel. */
  readonly declare: () => Promise<void>;
}

interface Waiting {
  readonly message: TransientMessage;
  /** Monotonic milliseconds. */
  readonly since: number;
}

const mostMessages = 10_000;
const mostBytes = 4 * 2 ** 20;
/** Older news mislead: a heartbeat from before an outage, for instance. */
const staleMs = 10_000;

export class TransientPublisher implements TransientSink {
  #options: TransientPublisherOptions;
  #supervisor: ChannelSupervisor<Channel>;
  #channel: Channel | undefined;
  #congested = false;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #dropped = 0;
  #closed = false;
  #isWarned = false;

  constructor(options: TransientPublisherOptions) {
    this.#options = options;
    this.#supervisor = new ChannelSupervisor<Channel>({
      session: options.session,
      clock: options.clock,
      open: (connection) => connection.createChannel(),
      setUp: (channel) => this.#setUp(channel),
      lost: () => (this.#channel = undefined),
      setUpFailed: (error) => this.#setUpFailed(error),
    });
    options.session.events.on('unblocked', () => this.#pump());
  }

  /** Messages that were dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  publish(message: TransientMessage): void {
    if (this.#closed) return;
    this.#supervisor.start();
    this.#waiting.push({ message, since: this.#options.clock.monotonic() });
    this.#bytes += message.body.length;
    this.#pump();
    while (this.#waiting.length > mostMessages || this.#bytes > mostBytes) {
      this.#take();
      this.#dropped++;
    }
  }

  /** What was written is on its way to the broker before the channel is closed. Waits two seconds at most. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#channel !== undefined) await this.#supervisor.stop();
    else void this.#supervisor.stop();
  }

  async #setUp(channel: Channel): Promise<void> {
    await this.#options.declare();
    channel.on('drain', () => {
      this.#congested = false;
      this.#pump();
    });
    channel.once('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    this.#congested = false;
    this.#channel = channel;
    this.#isWarned = false;
    this.#pump();
  }

  #setUpFailed(error: unknown): boolean {
    const { logger, session } = this.#options;
    if (this.#closed) return true;
    if (session.connection !== undefined && !this.#isWarned) {
      this.#isWarned = true;
      logger.warn('events for monitors cannot be sent yet, trying on', { error });
    }
    return false;
  }

  #pump(): void {
    const oldest = this.#options.clock.monotonic() - staleMs;
    while (this.#waiting.length > 0) {
      const channel = this.#channel;
      if (channel === undefined || this.#congested || this.#options.session.blocked !== undefined) return;
      const { message, since } = this.#take();
      if (since >= oldest) this.#write(channel, message);
      else this.#dropped++;
    }
  }

  #write(channel: Channel, { exchange, routingKey, body, properties }: TransientMessage): void {
    const { headers, ...rest } = properties;
    const options = { ...rest, headers: { ...headers }, persistent: false, mandatory: false };
    try {
      this.#congested = !channel.publish(exchange, routingKey, body, options);
    } catch (error) {
      // The channel is closing, or the message does not fit into a frame: nobody misses it.
      this.#dropped++;
      this.#options.logger.debug('an event for monitors was not sent', { routingKey, error });
    }
  }

  #take(): Waiting {
    const first = this.#waiting.shift() as Waiting;
    this.#bytes -= first.message.body.length;
    return first;
  }
}
