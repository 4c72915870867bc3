/**
 * Where messages go instead of to a broker: each is carried over the wire and handed to `record`, and its publish
 * resolves as a confirmed one does. Fails only when a test says so.
 */
import {
  CeleriacError,
  type Config,
  type Ensures,
  type ErrorCode,
  type MessageSink,
  type OutgoingMessage,
  type PublishOptions,
} from '@celeriac/core';

import { carried, type WireMessage } from './wire.js';

export interface FailOptions {
  /** How many publishes in a row fail. Default 1. */
  readonly times?: number;
}

export interface RecordingSinkOptions {
  readonly config: Config;
  /** Takes what was published. */
  readonly record: (message: WireMessage) => void;
  /** True for messages that `failNext` spares. */
  readonly isSpared?: (message: OutgoingMessage) => boolean;
}

export class RecordingSink implements MessageSink {
  #options: RecordingSinkOptions;
  #failures: { readonly error: ErrorCode | Error }[] = [];
  #closed = false;

  constructor(options: RecordingSinkOptions) {
    this.#options = options;
  }

  /** The next publishes reject with this error, or with one of that code. */
  failNext(error: ErrorCode | Error, { times = 1 }: FailOptions = {}): void {
    for (let count = 0; count < times; count++) this.#failures.push({ error });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is to be a rejection, as of a sink
  async publish(message: OutgoingMessage, options: PublishOptions = {}): Promise<void> {
    if (this.#closed) throw failure('ERR_CLOSED', message);
    const { config, record, isSpared } = this.#options;
    const wire = carried(message, options, { maxBytes: config.tasks.max_message_size });
    const due = isSpared?.(message) === true ? undefined : this.#failures.shift();
    if (due !== undefined) throw typeof due.error === 'string' ? failure(due.error, message) : due.error;
    record(wire);
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }
}

/** Everything exists already. */
export const allDeclared: Ensures = { ensure: () => undefined, forget: () => undefined };

function failure(code: ErrorCode, { properties, exchange, routingKey }: OutgoingMessage): CeleriacError {
  const isClosed = code === 'ERR_CLOSED';
  return new CeleriacError(code, {
    message: isClosed ? 'It is closed.' : 'This publish fails because the test asked for it.',
    hint: isClosed ? 'Send before closing.' : 'See failNext.',
    values: {
      id: properties.messageId,
      exchange,
      routingKey,
      outcome: code === 'ERR_PUBLISH_TIMEOUT' ? 'unknown' : isClosed ? 'not-sent' : 'not-stored',
    },
  });
}
