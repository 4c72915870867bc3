/**
 * Publishes with confirms: every message persistent, mandatory, under a deadline, resent with the same id after
 * a lost channel, and settled exactly once. What waits is bounded in count and bytes. One message that the broker
 * answers by closing the channel costs only itself: the others are sent again. Knows bytes, not tasks.
 */
import type { ConfirmChannel, Message } from 'amqplib';

import type { Clock } from '../clock.js';
import { type CeleriacError, errorText, isCeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import type { MessageSink, OutgoingMessage, PublishOptions } from '../ports.js';
import { ChannelRenewal } from './channel-renewal.js';
import { type ChannelEnd, ChannelSupervisor } from './channel-supervisor.js';
import { closeCause } from './close-cause.js';
import { EarliestTimer } from './earliest-timer.js';
import { messageFrames, writeProperties } from './message-frames.js';
import { PublishChannel } from './publish-channel.js';
import { PublishQueue, type Publishing } from './publish-queue.js';
import * as errors from './publish-error.js';
import type { Session } from './session.js';

export interface ConfirmPublisherOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default deadline of a publish, milliseconds. */
  readonly timeoutMs: number;
  /** Most messages taken and not settled. */
  readonly maxMessages: number;
  /** Most body bytes taken and not settled. */
  readonly maxBytes: number;
  /** Largest body, bytes. */
  readonly maxMessageBytes: number;
}

/** Bodies up to this size are taken to fit any broker: nobody sets `max_message_size` lower. */
const certainBytes = 64 * 1024;

export class ConfirmPublisher implements MessageSink {
  #options: ConfirmPublisherOptions;
  #supervisor: ChannelSupervisor<ConfirmChannel>;
  #queue: PublishQueue;
  #channel: PublishChannel<Publishing> | undefined;
  #preparing = false;
  /** After a channel died of an unnamed message: one at a time, until the suspects are through. */
  #suspects = new Set<Publishing>();
  #maxBytes: number;
  /**
   * The largest body the broker has taken. A larger one goes alone: should the broker close the channel for it, no
   * other message loses its confirm, which would make it go out twice.
   */
  #provenBytes = certainBytes;
  #probing = false;
  #renewal: ChannelRenewal;
  #deadlines: EarliestTimer;
  #closed = false;
  #draining = false;
  #idle: (() => void)[] = [];
  readonly #unblocked = (): void => this.#pump();

  constructor(options: ConfirmPublisherOptions) {
    this.#options = options;
    this.#maxBytes = options.maxMessageBytes;
    this.#queue = new PublishQueue();
    this.#deadlines = new EarliestTimer(options.clock, () => this.#expire());
    this.#supervisor = new ChannelSupervisor<ConfirmChannel>({
      session: options.session,
      clock: options.clock,
      open: (connection) => connection.createConfirmChannel(),
      setUp: (channel) => {
        this.#opened(channel);
        return Promise.resolve();
      },
      lost: (end) => this.#lost(end),
      setUpFailed: () => this.#closed,
    });
    const renew = (): void => this.#supervisor.recycle();
    this.#renewal = new ChannelRenewal({ clock: options.clock, renew });
    options.session.events.on('unblocked', this.#unblocked);
    this.#supervisor.start();
  }

  /** Messages taken and not settled. */
  get unsettled(): number {
    return this.#queue.count;
  }

  publish(message: OutgoingMessage, options: PublishOptions = {}): Promise<void> {
    const refusal = this.#refuse(message, options.anySize === true ? Infinity : this.#maxBytes);
    if (refusal !== undefined) return Promise.reject(refusal);
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    return new Promise((resolve, reject) => {
      // A throw rejects, before anything is sent.
      const properties = message.encodedProperties ?? writeProperties(message.properties);
      const deadlineAt = this.#options.clock.monotonic() + timeoutMs;
      this.#queue.add({ message, properties, timeoutMs, deadlineAt, resolve, reject });
      this.#deadlines.watch(deadlineAt);
      this.#pump();
    });
  }

  /** Takes no further messages; resolves when nothing is unsettled, also when some of it failed. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#queue.count === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.push(resolve));
  }

  /** Rejects what is unsettled and closes the channel. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.session.events.off('unblocked', this.#unblocked);
    this.#deadlines.cancel();
    this.#renewal.cancel();
    for (const one of this.#queue.all()) this.#fail(one, errors.publisherClosed(one.message, one.everSent));
    await this.#supervisor.stop();
  }

  #refuse(message: OutgoingMessage, largest: number): CeleriacError | undefined {
    const size = message.body.length;
    const { maxMessages, maxBytes } = this.#options;
    if (this.#closed || this.#draining || this.#options.session.closed)
      return errors.publisherClosed(message, false);
    if (size > largest) return errors.tooLarge(message, largest);
    const { count, bytes } = this.#queue;
    // A message larger than the whole allowance still goes alone: else it could never be sent.
    if (count >= maxMessages || (count > 0 && bytes + size > maxBytes)) {
      return errors.backpressure(message, { count, bytes });
    }
    return undefined;
  }

  #opened(channel: ConfirmChannel): void {
    const opened = new PublishChannel<Publishing>(channel, {
      confirmed: (one, nackedByBroker) => {
        if (this.#channel === opened) this.#confirmed(one, nackedByBroker);
      },
      drained: () => this.#pump(),
    });
    this.#channel = opened;
    this.#renewal.opened();
    channel.once('close', () => {
      if (this.#channel === opened) this.#channel = undefined;
    });
    channel.on('return', (message: Message) => this.#returned(message));
    this.#pump();
  }

  /** Writes what waits, as far as the socket takes it. */
  #pump(): void {
    while (this.#mayWrite) {
      const next = this.#queue.next();
      if (next === undefined) return;
      const probing = next.message.body.length > this.#provenBytes;
      if (probing && this.#queue.inFlight > 0) return;
      const preparing = next.message.prepare?.();
      if (preparing !== undefined) {
        this.#waitFor(preparing, next);
        return;
      }
      this.#probing = probing;
      this.#queue.launch(next);
      this.#write(this.#channel as PublishChannel<Publishing>, next);
    }
  }

  get #mayWrite(): boolean {
    const open = this.#channel?.flowing === true && !this.#preparing && !this.#renewal.isDue;
    const alone = (this.#suspects.size === 0 && !this.#probing) || this.#queue.inFlight === 0;
    return open && alone && this.#options.session.blocked === undefined;
  }

  /** The target of the next message is being declared; everything behind it waits, as order demands. */
  #waitFor(preparing: Promise<void>, next: Publishing): void {
    const channel = this.#channel;
    this.#preparing = true;
    const proceed = (): void => {
      this.#preparing = false;
      this.#pump();
    };
    preparing.then(proceed, (error: unknown) => {
      // A lost connection is no fault of the message: it stays, and is prepared again on the next channel.
      // So does a broker that does not answer: it is prepared again, until its deadline.
      if (isCeleriacError(error)) {
        if (error.code.startsWith('ERR_TOPOLOGY')) this.#fail(next, error);
      } else if (this.#channel === channel && channel !== undefined) {
        this.#fail(
          next,
          errors.refused(next.message, { code: undefined, text: errorText(error), cause: error }),
        );
      }
      proceed();
    });
  }

  #write(channel: PublishChannel<Publishing>, one: Publishing): void {
    try {
      const frames = messageFrames(one.message, one.properties, channel.wire);
      one.everSent = true;
      channel.write(frames, one);
    } catch (error) {
      this.#fail(one, error as CeleriacError); // it does not fit into a frame: no other message is concerned
    }
  }

  #confirmed(one: Publishing, nacked: boolean): void {
    if (!this.#queue.has(one)) return; // its deadline passed before
    this.#provenBytes = Math.max(this.#provenBytes, one.message.body.length);
    if (nacked) {
      this.#renewal.refused(one.message);
      this.#fail(one, errors.nacked(one.message));
    } else if (one.returned) {
      this.#fail(one, errors.unroutable(one.message));
    } else {
      this.#renewal.confirmed(one.message);
      this.#done(one);
    }
    if (this.#queue.inFlight === 0) this.#renewal.idle();
    if (this.#queue.waiting > 0) this.#pump();
  }

  /** The broker returns an unroutable message before it confirms it, on the same channel. */
  #returned({ fields, properties }: Message): void {
    const one = this.#queue.oldestInFlight(
      String(properties.messageId),
      (candidate) =>
        !candidate.returned &&
        candidate.message.exchange === fields.exchange &&
        candidate.message.routingKey === fields.routingKey,
    );
    if (one !== undefined) one.returned = true;
  }

  /** The channel died. What was in flight waits again, except the messages that killed it. */
  #lost(end: ChannelEnd): void {
    this.#channel = undefined;
    this.#renewal.cancel();
    const inFlight = this.#queue.takeInFlight();
    const cause = end.code === undefined ? undefined : closeCause(end, inFlight.length);
    this.#maxBytes = Math.min(this.#maxBytes, cause?.sizeLimit ?? Infinity);
    this.#suspects.clear();
    const again: Publishing[] = [];
    for (const one of inFlight) {
      const error = cause?.errorFor(one.message);
      if (error !== undefined) {
        this.#fail(one, error);
        continue;
      }
      one.returned = false;
      if (end.code !== undefined && cause === undefined) this.#suspects.add(one);
      again.push(one);
    }
    this.#queue.putBack(again);
    if (end.code !== undefined) {
      this.#options.logger.warn('publishing channel closed by the broker', {
        reason: end.text,
        resent: again.length,
      });
    }
  }

  #done(one: Publishing): void {
    one.resolve();
    this.#settledOne(one);
  }

  #fail(one: Publishing, error: CeleriacError): void {
    one.reject(error);
    this.#settledOne(one);
  }

  #settledOne(one: Publishing): void {
    this.#queue.remove(one);
    this.#suspects.delete(one);
    if (this.#queue.count > 0) return;
    this.#deadlines.cancel();
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #expire(): void {
    const { clock, session } = this.#options;
    const now = clock.monotonic();
    for (const one of this.#queue.all()) {
      if (one.deadlineAt > now) {
        this.#deadlines.watch(one.deadlineAt);
        continue;
      }
      const { blocked, lastError } = session;
      const connected = this.#channel !== undefined;
      const how = { timeoutMs: one.timeoutMs, everSent: one.everSent, blocked, connected, lastError };
      this.#fail(one, errors.deadlinePassed(one.message, how));
    }
    this.#pump(); // what waited for one of them to be through
  }
}
