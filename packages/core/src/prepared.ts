/**
 * Messages that are ready but not sent: validated, routed and encoded, to be kept elsewhere (an outbox) and published
 * later under the same id. Plain data; publishes nothing.
 */
import type { Duration } from './config/duration.js';
import type { SentMessage } from './ports.js';
import type { EncodedMessage } from './protocol/received.js';

export interface PreparedTask extends EncodedMessage {
  readonly kind: 'task';
  readonly id: string;
  /** The registered name. */
  readonly name: string;
  readonly queue: string;
  /** Not to be started before, milliseconds since the epoch. */
  readonly eta?: number;
  /** Not to be started after, milliseconds since the epoch. */
  readonly expires?: number;
  /** Its result is awaited by the sender that prepared it. */
  readonly isAwaited?: boolean;
}

export interface PreparedEvent extends EncodedMessage {
  readonly kind: 'event';
  readonly id: string;
  /** Its type, which is its routing key. */
  readonly name: string;
  readonly mandatory: boolean;
}

export type PreparedMessage = PreparedTask | PreparedEvent;

/** Publishes what was prepared. Every publisher does. */
export interface PreparedSender {
  /** Resolves and rejects as `send` and `publishEvent` do. What has become due since then goes at once. @internal */
  publishPrepared(
    message: PreparedMessage,
    options?: { readonly timeout?: Duration | undefined },
  ): Promise<SentMessage>;
}

interface PreparedOptions {
  readonly timeout?: Duration;
}

/** The way for what was prepared, over a sender of tasks and one of events. */
export function publishPrepared(
  tasks: { sendPrepared(message: PreparedTask, options: PreparedOptions): Promise<SentMessage> },
  events: { publishPrepared(message: PreparedEvent, options: PreparedOptions): Promise<SentMessage> },
): PreparedSender['publishPrepared'] {
  return (message, { timeout } = {}) => {
    const options = timeout === undefined ? {} : { timeout };
    return message.kind === 'task'
      ? tasks.sendPrepared(message, options)
      : events.publishPrepared(message, options);
  };
}
