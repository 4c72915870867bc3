/**
 * Publishes through the I/O thread, whose publisher confirms, resends and keeps the deadline. The bounds on what waits
 * are kept here, where a flood would come from. Encodes properties, so that what cannot be written fails as it would
 * without a thread.
 */
import {
  backpressure,
  type Config,
  type MessageSink,
  type OutgoingMessage,
  publisherClosed,
  type PublishOptions,
  type TransientSink,
  writeProperties,
} from '@celeriac/core';

import type { Link } from './link.js';
import type { WireMessage } from './protocol.js';
import type { ThreadDeclarer } from './thread-declarer.js';

export interface ThreadSinkParts {
  readonly link: () => Link;
  readonly declarer: ThreadDeclarer;
  readonly limits: Pick<Config['tasks'], 'max_unsettled_messages' | 'max_unsettled_bytes'>;
  readonly onClosed: () => Promise<void>;
}

export class ThreadSink implements MessageSink {
  #parts: ThreadSinkParts;
  #count = 0;
  #bytes = 0;

  constructor(parts: ThreadSinkParts) {
    this.#parts = parts;
  }

  async publish(message: OutgoingMessage, options: PublishOptions = {}): Promise<void> {
    const size = message.body.length;
    this.#refuse(message, size);
    const { declarer, link } = this.#parts;
    const properties = message.encodedProperties ?? writeProperties(message.properties);
    const { keys, result } = declarer.record(() => message.prepare?.());
    this.#count++;
    this.#bytes += size;
    try {
      if (result instanceof Promise) await result;
      const body = new Uint8Array(message.body); // its own memory: a Buffer is often a part of a larger block
      const wire: WireMessage = {
        exchange: message.exchange,
        routingKey: message.routingKey,
        body,
        messageId: message.properties.messageId,
        properties,
        mandatory: message.mandatory ?? true,
        ensure: keys,
        timeoutMs: options.timeoutMs,
        anySize: options.anySize ?? false,
      };
      await link().request({ kind: 'publish', message: wire }, [body.buffer]);
    } finally {
      this.#count--;
      this.#bytes -= size;
    }
  }

  async close(): Promise<void> {
    await this.#parts.link().requestEnd({ kind: 'close-sink' });
    await this.#parts.onClosed();
  }

  #refuse(message: OutgoingMessage, size: number): void {
    const { max_unsettled_messages: most, max_unsettled_bytes: mostBytes } = this.#parts.limits;
    if (this.#parts.link().closed) throw publisherClosed(message, false);
    const [count, bytes] = [this.#count, this.#bytes];
    // A message larger than the whole allowance still goes alone: else it could never be sent.
    if (count >= most || (count > 0 && bytes + size > mostBytes))
      throw backpressure(message, { count, bytes });
  }
}

/** Hands over what nobody misses. The bounds are kept by the thread; one that is not there loses it. */
export function threadTransient(link: () => Link): TransientSink & { close(): Promise<void> } {
  return {
    publish: ({ body, ...rest }) =>
      link().tell({ kind: 'transient', message: { ...rest, body: new Uint8Array(body) } }),
    close: () => link().requestEnd({ kind: 'close-transient' }),
  };
}
