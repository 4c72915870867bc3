/** The errors a publish ends with. Each says what is known about the message: stored, not stored, or unknown. */
import { CeleriacError } from '../errors.js';
import type { OutgoingMessage } from '../ports.js';
import type { ChannelEnd } from './channel-supervisor.js';

type Outcome = 'not-sent' | 'not-stored' | 'unknown';

/** What is known of a message, also before it is made. */
type Named = Pick<OutgoingMessage, 'exchange' | 'routingKey'> & {
  readonly properties: { readonly messageId?: string };
};

function values(message: Named, outcome: Outcome, more: Record<string, unknown> = {}) {
  const { exchange, routingKey } = message;
  return { id: message.properties.messageId, exchange, routingKey, outcome, ...more };
}

function target({ exchange, routingKey }: OutgoingMessage): string {
  return exchange === ''
    ? `queue '${routingKey}'`
    : `exchange '${exchange}' with routing key '${routingKey}'`;
}

export function unroutable(message: OutgoingMessage): CeleriacError {
  return new CeleriacError('ERR_PUBLISH_UNROUTABLE', {
    message: `No queue took the message sent to ${target(message)}; the broker dropped it.`,
    hint: 'Declare the queue or check the binding: nobody is registered to receive this.',
    values: values(message, 'not-stored'),
  });
}

export function nacked(message: OutgoingMessage): CeleriacError {
  return new CeleriacError('ERR_PUBLISH_NACKED', {
    message: `The broker refused the message sent to ${target(message)}: the queue is full or could not store it.`,
    hint: 'Let consumers catch up or raise the length limit of the queue, then send again.',
    values: values(message, 'not-stored'),
  });
}

export function exchangeNotFound(message: OutgoingMessage, end: ChannelEnd): CeleriacError {
  return new CeleriacError('ERR_EXCHANGE_NOT_FOUND', {
    message: `The exchange '${message.exchange}' does not exist.`,
    hint: 'Declare it, or correct its name in the configuration.',
    values: values(message, 'not-stored', { replyCode: end.code }),
    cause: end.cause,
  });
}

export function tooLarge(message: OutgoingMessage, limit: number, cause?: unknown): CeleriacError {
  return new CeleriacError('ERR_MESSAGE_TOO_LARGE', {
    message: `The message for ${target(message)} has ${message.body.length} bytes; the limit is ${limit}.`,
    hint: 'Store the data elsewhere and send a reference, or raise tasks.max_message_size and the limit of the broker.',
    values: values(message, 'not-stored', { bytes: message.body.length, limit }),
    cause,
  });
}

export function refused(message: OutgoingMessage, end: ChannelEnd): CeleriacError {
  return new CeleriacError('ERR_PUBLISH_REFUSED', {
    message: `The broker refused the message for ${target(message)}: ${end.text}.`,
    hint: 'The words of the broker say why; permissions are shown by rabbitmqctl list_permissions.',
    values: values(message, 'not-stored', { replyCode: end.code }),
    cause: end.cause,
  });
}

export function backpressure(message: Named, waiting: { count: number; bytes: number }): CeleriacError {
  return new CeleriacError('ERR_PUBLISH_BACKPRESSURE', {
    message: `${waiting.count} messages (${waiting.bytes} bytes) wait for the broker already; this one was not taken.`,
    hint: 'Await earlier sends, use sendMany, or raise tasks.max_unsettled_messages and tasks.max_unsettled_bytes.',
    values: values(message, 'not-sent', waiting),
  });
}

export interface DeadlinePassed {
  readonly timeoutMs: number;
  /** True when it was written to a connection at least once. */
  readonly everSent: boolean;
  readonly blocked: string | undefined;
  readonly connected: boolean;
  readonly lastError: unknown;
}

/** What is known of a message whose deadline passed. */
export function deadlinePassed(message: OutgoingMessage, how: DeadlinePassed): CeleriacError {
  const outcome = how.everSent ? 'unknown' : 'not-sent';
  const seconds = how.timeoutMs / 1000;
  if (how.blocked !== undefined) {
    return new CeleriacError('ERR_PUBLISH_BLOCKED', {
      message: `The broker has not taken messages for ${seconds} s: it blocks publishing (${how.blocked}).`,
      hint: 'Free memory or disk space on the broker: rabbitmq-diagnostics alarms.',
      values: values(message, outcome, { reason: how.blocked }),
    });
  }
  const why = how.connected ? 'the broker did not confirm it' : 'there is no connection to the broker';
  return new CeleriacError('ERR_PUBLISH_TIMEOUT', {
    message: `The message for ${target(message)} was not confirmed within ${seconds} s: ${why}.`,
    hint:
      outcome === 'unknown'
        ? 'It may have been stored: send it again under the same id, and expect that it may arrive twice.'
        : 'It was not sent: send it again when the broker is reachable.',
    values: values(message, outcome),
    ...(how.lastError === undefined ? {} : { cause: how.lastError }),
  });
}

export function publisherClosed(message: OutgoingMessage, everSent: boolean): CeleriacError {
  return new CeleriacError('ERR_CLOSED', {
    message: `The connection was closed before the broker confirmed the message for ${target(message)}.`,
    hint: everSent ? 'It may have been stored.' : 'It was not sent.',
    values: values(message, everSent ? 'unknown' : 'not-sent'),
  });
}
