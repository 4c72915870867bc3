/**
 * A visit to a queue: gets messages one by one, holds them, takes some out, and gives back the others in their places.
 * Declares nothing and decides about no message.
 */
import type { Channel, GetMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { waitAtMost, withDeadline } from '../deadline.js';
import { endOf } from './channel-supervisor.js';
import { incompatible, ReceivedProperties } from './frame-reader.js';
import { cannotOpen, interrupted, silent } from './queue-visit-error.js';
import type { Session } from './session.js';

export interface VisitOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly queue: string;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
}

/** A message in hand. */
export interface HeldMessage {
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
  /** Why the header table cannot be read. */
  readonly headerError: string | undefined;
  /** Takes it out of the queue. False when it is not in hand any more: the queue has it. */
  readonly take: () => boolean;
}

const closeMs = 5_000;

/** One channel, for as long as it may hold messages. */
export class QueueVisit {
  readonly count: number;
  readonly openedAt: number;
  #options: VisitOptions;
  #channel: Channel;
  #isOpen = true;
  #held = 0;

  private constructor(options: VisitOptions, channel: Channel, count: number) {
    this.#options = options;
    this.#channel = channel;
    this.count = count;
    this.openedAt = options.clock.monotonic();
    void endOf(channel).then(() => (this.#isOpen = false));
  }

  static async open(options: VisitOptions): Promise<QueueVisit> {
    const { session, clock, queue, timeoutMs: ms } = options;
    const connection = await session.ready({ timeoutMs: ms });
    const late = () => silent(queue, ms);
    try {
      const channel = await withDeadline(connection.createChannel(), { clock, ms, late });
      void endOf(channel);
      const { messageCount } = await withDeadline(channel.checkQueue(queue), { clock, ms, late });
      return new QueueVisit(options, channel, messageCount);
    } catch (error) {
      throw cannotOpen(queue, error);
    }
  }

  async next(): Promise<HeldMessage | undefined> {
    const message = await this.#get();
    if (message === false) return undefined;
    const { properties } = message;
    // As in Consumer: amqplib's own reader would have closed the connection over a header it does not know.
    if (!(properties instanceof ReceivedProperties)) throw incompatible();
    this.#held++;
    const { headerError } = properties;
    return { properties, body: message.content, headerError, take: () => this.#take(message) };
  }

  /** Gives everything back, and holds it again: what was held is at the queue's head, as it was. */
  async again(): Promise<QueueVisit> {
    await this.end({ quietly: false });
    const round = await QueueVisit.open(this.#options);
    while (round.#held < this.#held && (await round.#get()) !== false) round.#held++;
    return round;
  }

  /**
   * Gives back what nobody took. By nack, not by closing the channel: from RabbitMQ 4.3 a lost channel counts towards
   * a quorum queue's delivery limit. The answer to the close says that every `take` has arrived.
   */
  async end({ quietly }: { readonly quietly: boolean }): Promise<void> {
    const { clock, queue } = this.#options;
    if (!this.#isOpen) {
      if (quietly) return;
      throw interrupted(queue, new Error('its channel was closed'));
    }
    const closed = this.#giveBackAndClose();
    if (quietly)
      await waitAtMost(
        clock,
        closeMs,
        closed.catch(() => undefined),
      ); // another error is told
    else
      await withDeadline(closed, { clock, ms: closeMs, late: () => silent(queue, closeMs) }).catch(
        (error: unknown) => {
          throw interrupted(queue, error);
        },
      );
  }

  async #giveBackAndClose(): Promise<void> {
    if (this.#held > 0) this.#channel.nackAll(true);
    await this.#channel.close();
  }

  async #get(): Promise<GetMessage | false> {
    const { queue, clock, timeoutMs: ms } = this.#options;
    try {
      return await withDeadline(this.#channel.get(queue), { clock, ms, late: () => silent(queue, ms) });
    } catch (error) {
      throw interrupted(queue, error);
    }
  }

  #take(message: GetMessage): boolean {
    if (!this.#isOpen) return false;
    this.#channel.ack(message);
    this.#held--;
    return true;
  }
}

/** How many messages wait in the queue. */
export function messageCount(options: VisitOptions): Promise<number> {
  return ask(options, (channel) => channel.checkQueue(options.queue));
}

/** Throws away all that wait in it; resolves with how many they were. */
export function purgeMessages(options: VisitOptions): Promise<number> {
  return ask(options, (channel) => channel.purgeQueue(options.queue));
}

async function ask(
  { session, clock, queue, timeoutMs: ms }: VisitOptions,
  question: (channel: Channel) => Promise<{ readonly messageCount: number }>,
): Promise<number> {
  const connection = await session.ready({ timeoutMs: ms });
  const late = () => silent(queue, ms);
  try {
    const channel = await withDeadline(connection.createChannel(), { clock, ms, late });
    void endOf(channel);
    const { messageCount: count } = await withDeadline(question(channel), { clock, ms, late });
    channel.close().catch(() => undefined); // it goes with the connection at the latest
    return count;
  } catch (error) {
    throw cannotOpen(queue, error);
  }
}
