/**
 * Signs messages on their way out: what senders publish, and the copies that are further attempts. Signs for where a
 * message is meant to arrive, also when it goes there through the delay queues. Verifies nothing.
 */
import type { Clock } from '../clock.js';
import type { HeaderTable, MessageProperties, MessageSink, OutgoingMessage } from '../ports.js';
import type { ReceivedBy, ReceivedIn } from '../protocol/again.js';
import type { EncodedMessage } from '../protocol/received.js';
import {
  isSigned,
  signedBytes,
  signedFields,
  type SignedKind,
  type Target,
  withSignature,
} from '../protocol/signature.js';
import type { OwnKey } from './key-ring.js';
import { targetIn, targetOf } from './target.js';

interface Signable {
  readonly body: Buffer;
  readonly properties: MessageProperties;
}

export class Signer {
  #key: OwnKey;
  #clock: Clock;

  constructor(key: OwnKey, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  /** The message with a signature of now, in place of one that it had. */
  sign<Message extends Signable>(message: Message, target: Target): Message {
    const { body, properties } = message;
    const kind: SignedKind = properties.headers?.task === undefined ? 'event' : 'task';
    const mark = { keyId: this.#key.id, issuedAt: String(this.#clock.now()) };
    const signature = this.#key.sign(signedBytes(signedFields(kind, target, properties), mark, body));
    const headers: HeaderTable = withSignature(properties.headers ?? {}, { ...mark, signature });
    return { ...message, properties: { ...properties, headers } };
  }
}

/** A sink that signs what it is given; the sink itself where there is no key to sign with. */
export function signingSink(sink: MessageSink, signer: Signer | undefined): MessageSink {
  if (signer === undefined) return sink;
  return {
    publish: async (message: OutgoingMessage, options) => {
      // Encoded before it was signed: as it is now, it has to be encoded again.
      const { encodedProperties: _unsigned, ...unsigned } = message;
      return sink.publish(signer.sign(unsigned, targetOf(message)), options);
    },
  };
}

/**
 * Copies for further attempts, and those that go on from a checkpoint, signed as new messages where the one that ran
 * was signed: it was verified then, or it would not have run.
 */
export function signingCopies<Next>(
  copyOf: (received: ReceivedBy, next: Next) => EncodedMessage,
  signer: Signer | undefined,
): (received: ReceivedIn, next: Next) => EncodedMessage {
  if (signer === undefined) return copyOf;
  return (received, next) => {
    const copy = copyOf(received, next);
    if (!isSigned(received.properties)) return copy;
    const { queue } = received;
    return signer.sign(copy, targetIn({ ...copy, queue, exchange: '', routingKey: queue }));
  };
}
