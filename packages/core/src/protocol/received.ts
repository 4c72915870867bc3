/** What decoders take and give: a received message's parts, and a message or the reason why there is none. */
import { CeleriacError, errorText } from '../errors.js';
import type { MalformedReason } from '../outcome.js';
import type { MessageProperties } from '../ports.js';

/** A received message, as far as decoding is concerned. A Delivery is one. */
export interface Received {
  readonly properties: MessageProperties;
  readonly body: Buffer;
  /** Why the header table could not be read. */
  readonly headerError?: string | undefined;
}

/** An encoded message: what is published but for where to. */
export interface EncodedMessage {
  readonly body: Buffer;
  readonly properties: MessageProperties & { readonly messageId: string };
}

export type Decoded<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly reason: MalformedReason; readonly error: CeleriacError };

/** Thrown inside a decoder, and turned into a Decoded at its edge. */
export class Malformed extends Error {
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, problem: string, cause?: unknown) {
    super(problem, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/** Runs a decoder. Whatever it throws becomes an ERR_MESSAGE_MALFORMED with its reason. */
export function decoding<T>(received: Received, decode: () => T): Decoded<T> {
  try {
    return { ok: true, message: decode() };
  } catch (cause) {
    const reason = cause instanceof Malformed ? cause.reason : 'undecodable-body';
    const { messageId, correlationId, contentType } = received.properties;
    const error = new CeleriacError('ERR_MESSAGE_MALFORMED', {
      message: `The message cannot be read: ${errorText(cause)}.`,
      hint: 'Correct its sender; the message is kept in the dead-letter queue.',
      values: { reason, id: messageId ?? correlationId, contentType, bytes: received.body.length },
      cause,
    });
    return { ok: false, reason, error };
  }
}
