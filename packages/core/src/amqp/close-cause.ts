/**
 * Which of the messages in flight made the broker close the channel: the AMQP reply names a channel, not a message
 * (AMQP 0-9-1 §1.5.2.5). Pure; the publisher acts on it.
 */
import type { CeleriacError } from '../errors.js';
import type { OutgoingMessage } from '../ports.js';
import { missingExchange, refusedExchange, replyCode, sizeLimit } from './channel-error.js';
import type { ChannelEnd } from './channel-supervisor.js';
import { exchangeNotFound, refused, tooLarge } from './publish-error.js';

export interface CloseCause {
  /** The error of a message that is to blame; undefined for one that is not, and may be sent again. */
  readonly errorFor: (message: OutgoingMessage) => CeleriacError | undefined;
  /** The largest body the broker takes, when that was the cause. */
  readonly sizeLimit?: number;
}

/** From here on codes speak of the connection or of the broker itself (AMQP 0-9-1 §1.2): no message is to blame. */
const firstConnectionCode = 500;

/** The cause, or undefined when the broker's words do not tell and more than one message was in flight. */
export function closeCause(end: ChannelEnd, inFlight: number): CloseCause | undefined {
  const missing = end.code === replyCode.notFound ? missingExchange(end.text) : undefined;
  if (missing !== undefined) {
    return {
      errorFor: (message) => (message.exchange === missing ? exchangeNotFound(message, end) : undefined),
    };
  }
  const limit = end.code === replyCode.preconditionFailed ? sizeLimit(end.text) : undefined;
  if (limit !== undefined) {
    const errorFor = (message: OutgoingMessage): CeleriacError | undefined =>
      message.body.length > limit ? tooLarge(message, limit, end.cause) : undefined;
    return { errorFor, sizeLimit: limit };
  }
  const closed = end.code === replyCode.accessRefused ? refusedExchange(end.text) : undefined;
  if (closed !== undefined) {
    const name = closed === 'amq.default' ? '' : closed;
    return { errorFor: (message) => (message.exchange === name ? refused(message, end) : undefined) };
  }
  if (end.code !== undefined && end.code >= firstConnectionCode) return { errorFor: () => undefined };
  if (inFlight === 1) return { errorFor: (message) => refused(message, end) };
  return undefined;
}
