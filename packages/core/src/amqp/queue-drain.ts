/**
 * Carries the messages of one queue into another: each is published with a confirm, in their order, and only then taken
 * out. A crash in between leaves those that were on their way in both queues, 64 at most. What a message becomes is up to
 * the caller. Declares and deletes nothing.
 */
import type { Channel, ConsumeMessage } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import type { MessageSink, OutgoingMessage } from '../ports.js';
import { endOf } from './channel-supervisor.js';
import { incompatible, ReceivedProperties } from './frame-reader.js';
import { interrupted, silent } from './queue-visit-error.js';
import type { Session } from './session.js';

export interface DrainParts {
  /** Not the sink's own: a broker that blocks publishers does not read their acknowledgements either. */
  readonly session: Session;
  readonly sink: MessageSink;
  readonly clock: Clock;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
}

/** A message as it was received. */
export interface Carried {
  readonly properties: ReceivedProperties;
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
}

export interface Drain {
  readonly from: string;
  /** The message for the other queue. */
  readonly carry: (message: Carried) => OutgoingMessage;
  /** It ends when the queue has been empty for so long. */
  readonly quietMs: number;
  /** Nobody else may consume it meanwhile. Not for queues with a single active consumer, which know no such thing. */
  readonly exclusive: boolean;
  /** After each confirm, before it is taken out. A throw ends it there. */
  readonly onMoved?: (() => void) | undefined;
}

/** On their way at once: so many may be doubled by a crash. */
const mostInFlight = 64;
const lookAfterMs = 50;

/** Resolves with how many went over. Rejects with ERR_CHANNEL_CLOSED, ERR_PUBLISH_… or what the broker refused it with. */
export async function drainQueue(parts: DrainParts, drain: Drain): Promise<number> {
  const { session, clock, timeoutMs: ms } = parts;
  const connection = await session.ready({ timeoutMs: ms });
  const late = () => silent(drain.from, ms);
  const channel = await withDeadline(connection.createChannel(), { clock, ms, late });
  const running = new RunningDrain(parts, drain, channel);
  try {
    return await running.run();
  } finally {
    // What is still in hand goes back to its place. Not awaited longer than it may take: it goes with the connection.
    await withDeadline(channel.close(), { clock, ms, late }).catch(() => undefined);
  }
}

class RunningDrain {
  #parts: DrainParts;
  #drain: Drain;
  #channel: Channel;
  #inFlight = new Set<Promise<void>>();
  #moved = 0;
  #lastAt: number;
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: DrainParts, drain: Drain, channel: Channel) {
    this.#parts = parts;
    this.#drain = drain;
    this.#channel = channel;
    this.#lastAt = parts.clock.monotonic();
    void endOf(channel).then(({ text }) => this.#fail(interrupted(drain.from, new Error(text))));
  }

  async run(): Promise<number> {
    const { from, exclusive } = this.#drain;
    await this.#answer(this.#channel.prefetch(mostInFlight));
    const consuming = this.#channel.consume(from, (message) => this.#take(message), { exclusive });
    const { consumerTag } = await this.#answer(consuming);
    await this.#untilQuiet();
    await this.#answer(this.#channel.cancel(consumerTag)); // what is on its way comes before the answer
    await this.#settled();
    await this.#answer(this.#channel.checkQueue(from)); // and every ack has arrived
    this.#check();
    return this.#moved;
  }

  #take(message: ConsumeMessage | null): void {
    this.#lastAt = this.#parts.clock.monotonic();
    if (this.#failure !== undefined) return; // it goes back with the channel
    if (message === null) {
      this.#fail(interrupted(this.#drain.from, new Error('the broker cancelled the consumer')));
      return;
    }
    const moving = this.#move(message)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#inFlight.delete(moving));
    this.#inFlight.add(moving);
  }

  async #move(message: ConsumeMessage): Promise<void> {
    const { sink, timeoutMs } = this.#parts;
    const { properties, content: body, fields } = message;
    const read: unknown = properties;
    if (!(read instanceof ReceivedProperties)) throw incompatible();
    const { exchange, routingKey } = fields;
    const carried = this.#drain.carry({ properties: read, body, exchange, routingKey });
    await sink.publish(carried, { timeoutMs, anySize: true });
    if (this.#failure !== undefined) return;
    this.#drain.onMoved?.();
    this.#channel.ack(message);
    this.#moved++;
    this.#lastAt = this.#parts.clock.monotonic();
  }

  async #untilQuiet(): Promise<void> {
    const { clock } = this.#parts;
    const { from, quietMs } = this.#drain;
    for (;;) {
      this.#check();
      const { messageCount } = await this.#answer(this.#channel.checkQueue(from));
      const now = clock.monotonic();
      if (messageCount > 0) this.#lastAt = now;
      if (this.#inFlight.size === 0 && now - this.#lastAt >= quietMs) return;
      await clock.sleep(lookAfterMs);
    }
  }

  async #settled(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#check();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #answer<T>(answer: PromiseLike<T>): Promise<T> {
    const { clock, timeoutMs: ms } = this.#parts;
    return withDeadline(Promise.resolve(answer), { clock, ms, late: () => silent(this.#drain.from, ms) });
  }
}
