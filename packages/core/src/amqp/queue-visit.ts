/**
 * A visit to a queue: takes messages in hand, batch by batch, and gives back those that nobody took, in their places.
 * Declares nothing and decides about no message.
 *
 * A batch is what one consumer holds, and it is cancelled before anything is settled. `basic.get` would be a consumer
 * of its own for every message to a quorum queue, which then gives them back in any order (ADR 0024).
 */
import type { Channel, ConsumeMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { waitAtMost, withDeadline } from '../deadline.js';
import { Batch } from './queue-batch.js';
import { endOf } from './channel-supervisor.js';
import { nearlyDropped } from './delivery-limit.js';
import { incompatible, ReceivedProperties } from './frame-reader.js';
import { cannotOpen, interrupted, silent } from './queue-visit-error.js';
import type { Session } from './session.js';

export interface VisitOptions {
  readonly session: Session;
  readonly clock: Clock;
  readonly queue: string;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
  /** Messages per consumer. */
  readonly batchSize?: number;
  /** The queue has no delivery limit, or nothing is given back. */
  readonly ignoreDeliveryLimit?: boolean;
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

const defaultBatchSize = 1000;
const closeMs = 5_000;
/** A quorum queue gives back some time after it was told to. */
const backMs = 2_000;
const lookAgainMs = 10;

export class QueueVisit {
  /** Messages that waited when it began. */
  readonly count: number;
  readonly openedAt: number;
  #options: VisitOptions;
  #channel: Channel;
  #isOpen = true;
  #waiting: ConsumeMessage[] = [];
  #received = 0;
  #isAtEnd = false;
  /** The delivery tags in hand, by batch. */
  #held: Set<number>[] = [];

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

  /** Undefined when there is none left of those that waited at the beginning. */
  async next(): Promise<HeldMessage | undefined> {
    if (this.#waiting.length === 0) await this.#nextBatch();
    const message = this.#waiting.shift();
    if (message === undefined) return undefined;
    // The queue has it again: whoever sent it on now would double it.
    if (!this.#isOpen) throw interrupted(this.#options.queue, new Error('its channel was closed'));
    const { properties } = message;
    // As in Consumer: amqplib's own reader would have closed the connection over a header it does not know.
    if (!(properties instanceof ReceivedProperties)) throw incompatible();
    const { ignoreDeliveryLimit = false, queue } = this.#options;
    const limited = ignoreDeliveryLimit ? undefined : nearlyDropped(queue, properties.headers, this.#version);
    if (limited !== undefined) throw limited;
    const { headerError } = properties;
    return { properties, body: message.content, headerError, take: () => this.#take(message) };
  }

  /** Gives everything back, and holds it again: what was held is at the queue's head, as it was. */
  async again(): Promise<QueueVisit> {
    const before = this.#inHand - this.#waiting.length;
    await this.end({ quietly: false });
    const visit = await QueueVisit.open(this.#options);
    for (let seen = 0; seen < before; seen++) if ((await visit.next()) === undefined) break;
    return visit;
  }

  /** Gives back what nobody took. The answer of the broker says that every `take` has arrived. */
  async end({ quietly }: { readonly quietly: boolean }): Promise<void> {
    const { clock, queue } = this.#options;
    if (!this.#isOpen) {
      if (quietly) return;
      throw interrupted(queue, new Error('its channel was closed'));
    }
    const closed = this.#giveBack();
    if (quietly) {
      await waitAtMost(
        clock,
        closeMs,
        closed.catch(() => undefined),
      ); // another error is told
      return;
    }
    const late = () => silent(queue, closeMs);
    await withDeadline(closed, { clock, ms: closeMs, late }).catch((error: unknown) => {
      throw interrupted(queue, error);
    });
  }

  /**
   * Two ways to give back, and neither is always right. From RabbitMQ 4.3 on a lost channel counts towards a quorum
   * queue's delivery limit, and nack does not. Before 4, nack puts what comes back behind all others where there is no
   * such limit; closing the channel puts it before them.
   */
  async #giveBack(): Promise<void> {
    const inHand = this.#inHand;
    const isAll = this.#received >= this.count;
    const isNacked = isAll || Number.parseInt(this.#version, 10) >= 4;
    if (isNacked) for (const tags of this.#held) this.#nack([...tags].at(-1));
    await this.#channel.close();
    // Beside those that were never in hand; where others took some, nobody knows how many there are.
    const others = this.#isAtEnd ? 0 : this.count - this.#received;
    if (inHand > 0) await this.#untilBack(inHand + others);
  }

  /** This one and all before it. */
  #nack(deliveryTag: number | undefined): void {
    if (deliveryTag === undefined) return;
    this.#channel.nack({ fields: { deliveryTag } } as ConsumeMessage, true, true);
  }

  get #inHand(): number {
    return this.#held.reduce((sum, { size }) => sum + size, 0);
  }

  get #version(): string {
    const { serverProperties } = this.#channel.connection as unknown as {
      serverProperties?: { version?: unknown };
    };
    return String(serverProperties?.version);
  }

  /** So that whoever looks next finds them. Others may take some, so it does not wait for long. */
  async #untilBack(expected: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.monotonic() + backMs;
    while ((await messageCount(this.#options)) < expected && clock.monotonic() < end) {
      await clock.sleep(lookAgainMs);
    }
  }

  async #nextBatch(): Promise<void> {
    const { batchSize = defaultBatchSize, queue, clock, timeoutMs } = this.#options;
    const wanted = Math.min(batchSize, this.count - this.#received);
    if (wanted <= 0 || this.#isAtEnd) return;
    // In order of their names: RabbitMQ goes by that when it gives back what lost consumers held.
    const tag = `celeriac-${String(this.#held.length).padStart(6, '0')}`;
    const batch = new Batch({ channel: this.#channel, queue, clock, timeoutMs, wanted, tag });
    try {
      this.#waiting = await batch.received();
    } catch (error) {
      throw interrupted(queue, error);
    }
    // Others took some of those that waited: what comes now is new.
    this.#isAtEnd = this.#waiting.length < wanted;
    this.#received += this.#waiting.length;
    this.#held.push(new Set(this.#waiting.map(({ fields }) => fields.deliveryTag)));
  }

  #take(message: ConsumeMessage): boolean {
    if (!this.#isOpen) return false;
    const { deliveryTag } = message.fields;
    if (!this.#held.some((tags) => tags.delete(deliveryTag))) return false;
    this.#channel.ack(message);
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
