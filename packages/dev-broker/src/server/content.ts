/** Content that comes in pieces: a method, a header, then bodies. Checks that they come in that order. */
import { readProperties, type ReceivedProperties } from '@celeriac/core';

import type { MethodFields } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';

interface Incoming {
  readonly fields: MethodFields<'basic.publish'>;
  properties: ReceivedProperties | undefined;
  raw: Buffer;
  size: number;
  parts: Buffer[];
  received: number;
}

const emptyBuffer = Buffer.alloc(0);

export class Content {
  #incoming: Incoming | undefined;
  #complete: (message: Message, fields: MethodFields<'basic.publish'>) => void;

  /** `complete` is called with every message that is whole. */
  constructor(complete: (message: Message, fields: MethodFields<'basic.publish'>) => void) {
    this.#complete = complete;
  }

  /** True between a publish and the end of its message. */
  get isExpected(): boolean {
    return this.#incoming !== undefined;
  }

  begin(fields: MethodFields<'basic.publish'>): void {
    this.#incoming = { fields, properties: undefined, raw: emptyBuffer, size: 0, parts: [], received: 0 };
  }

  header(payload: Buffer): void {
    const incoming = this.#incoming;
    if (incoming === undefined) throw new AmqpError(505, 'expected method frame, got content header');
    incoming.size = Number(payload.readBigUInt64BE(4));
    incoming.raw = Buffer.from(payload.subarray(12));
    incoming.properties = readProperties(payload, 12);
    if (incoming.size === 0) this.#end(incoming, incoming.properties);
  }

  body(payload: Buffer): void {
    const incoming = this.#incoming;
    if (incoming?.properties === undefined)
      throw new AmqpError(505, 'expected content header, got content body');
    incoming.parts.push(Buffer.from(payload)); // a copy: the chunk it came in is not kept alive
    incoming.received += payload.length;
    if (incoming.received > incoming.size) throw new AmqpError(501, 'more content than announced');
    if (incoming.received === incoming.size) this.#end(incoming, incoming.properties);
  }

  #end({ fields, raw, parts }: Incoming, properties: ReceivedProperties): void {
    this.#incoming = undefined;
    const { headers, deliveryMode, priority = 0, expiration } = properties;
    if (expiration !== undefined && !/^\d+$/u.test(expiration)) {
      throw new AmqpError(406, `invalid expiration '${expiration}': {leftover_string,"${expiration}"}`);
    }
    const message: Message = {
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      properties: { raw, headers, persistent: deliveryMode === 2, priority, expiration },
      body: parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts),
    };
    this.#complete(message, fields);
  }
}
