/** Content that comes in pieces: a method, a header, then bodies. Checks that they come in that order. */
import { readProperties, type ReceivedProperties, writeTable } from '@celeriac/core';

import type { MethodFields } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import { routingKeysIn } from '../engine/dead-letter.js';
import type { Message } from '../engine/message.js';
import { propertiesOf, replaceProperties } from '../engine/properties.js';
import { erlangType } from '../engine/queue-arguments.js';

type Fields = MethodFields<'basic.publish'>;

interface Incoming {
  readonly fields: Fields;
  properties: ReceivedProperties | undefined;
  raw: Buffer;
  size: number;
  /** Grows with what arrives: neither a size that was only announced nor many small pieces cost anything. */
  body: Buffer;
  received: number;
}

/** A message that has arrived whole. */
export interface Published {
  readonly message: Message;
  readonly fields: Fields;
  readonly replyTo: string | undefined;
}

/** RabbitMQ refuses a larger one before any of it has come (rabbit.hrl: MAX_MSG_SIZE). */
const largestBody = 536_870_912;
const basicClass = 60;
const emptyBuffer = Buffer.alloc(0);

export class Content {
  #incoming: Incoming | undefined;
  #complete: (published: Published) => void;

  /** `complete` is called with every message that is whole. */
  constructor(complete: (published: Published) => void) {
    this.#complete = complete;
  }

  /** True between a publish and the end of its message. */
  get isExpected(): boolean {
    return this.#incoming !== undefined;
  }

  begin(fields: Fields): void {
    this.#incoming = {
      fields,
      properties: undefined,
      raw: emptyBuffer,
      size: 0,
      body: emptyBuffer,
      received: 0,
    };
  }

  /** A method came where content should have. Throws 505. */
  interrupted(): never {
    throw this.#incoming?.properties === undefined
      ? unexpected(`expected content header for class ${basicClass}, got non content header frame instead`)
      : unexpected('expected content body, got non content body frame instead');
  }

  header(payload: Buffer): void {
    const incoming = this.#incoming;
    if (incoming === undefined) throw unexpected('expected method frame, got non method frame instead');
    if (incoming.properties !== undefined) this.interrupted();
    const classId = payload.readUInt16BE(0); // twelve bytes are there: the connection has looked
    if (classId !== basicClass) {
      throw unexpected(
        `expected content header for class ${basicClass}, got one for class ${classId} instead`,
      );
    }
    incoming.size = Number(payload.readBigUInt64BE(4));
    if (incoming.size > largestBody) {
      throw new AmqpError(
        501,
        `content body size ${incoming.size} exceeds maximum allowed size ${largestBody}`,
      );
    }
    incoming.raw = Buffer.from(payload.subarray(12));
    incoming.properties = readProperties(payload, 12);
    // RabbitMQ's parser gives up without a word, and so with INTERNAL_ERROR.
    if (incoming.properties.headerError !== undefined) {
      throw new AmqpError(541, incoming.properties.headerError);
    }
    assertWritable(incoming.properties.headers);
    if (incoming.size === 0) this.#end(incoming, incoming.properties);
  }

  body(payload: Buffer): void {
    const incoming = this.#incoming;
    if (incoming === undefined) throw unexpected('expected method frame, got non method frame instead');
    if (incoming.properties === undefined) return this.interrupted();
    if (incoming.received + payload.length > incoming.size)
      throw new AmqpError(501, 'more content than announced');
    append(incoming, payload);
    if (incoming.received === incoming.size) this.#end(incoming, incoming.properties);
  }

  #end({ fields, raw, body }: Incoming, properties: ReceivedProperties): void {
    this.#incoming = undefined;
    const message: Message = {
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      properties: propertiesOf(raw, properties),
      body,
    };
    this.#complete({ message, fields, replyTo: properties.replyTo });
  }
}

/** Copies: the chunk that the payload came in is not kept alive. */
function append(incoming: Incoming, payload: Buffer): void {
  const needed = incoming.received + payload.length;
  if (incoming.body.length < needed) {
    // Twice as much, so that the copying stays in proportion; the last piece makes it exact.
    const grown = Buffer.allocUnsafe(Math.min(incoming.size, Math.max(needed, 2 * incoming.body.length)));
    incoming.body.copy(grown, 0, 0, incoming.received);
    incoming.body = grown;
  }
  payload.copy(incoming.body, incoming.received);
  incoming.received = needed;
}

/** Throws 502 for headers that cannot be sent on: it would be too late to say so when their message is dead. */
function assertWritable(headers: object): void {
  if (isOrdinary(headers)) return;
  try {
    writeTable(headers as Readonly<Record<string, unknown>>);
  } catch (error) {
    throw new AmqpError(502, `headers cannot be written again: ${(error as Error).message}`);
  }
}

/**
 * False where writing may fail: a name that is no UTF-8 takes up to three times the room, and a table may look like
 * one of our values with a type.
 */
function isOrdinary(table: object): boolean {
  return Object.entries(table).every(([name, value]) => {
    if (name.length > 85 || name === '!') return false;
    return (
      typeof value !== 'object' || value === null || Buffer.isBuffer(value) || isOrdinary(value as object)
    );
  });
}

/** Throws 406 for an expiration RabbitMQ does not take. */
export function assertExpiration({ properties: { expiration } }: Message): void {
  if (expiration === undefined) return;
  const [, digits, rest] = /^([+-]?\d+)?(.*)$/su.exec(expiration) ?? [];
  const wrong =
    digits === undefined
      ? 'no_integer'
      : rest === ''
        ? outOfRange(Number(digits))
        : `{leftover_string,"${rest}"}`;
  if (wrong !== undefined) throw new AmqpError(406, `invalid expiration '${expiration}': ${wrong}`);
}

function outOfRange(ms: number): string | undefined {
  if (ms < 0) return `{value_negative,${ms}}`;
  return ms > 315_360_000_000 ? `{value_too_large,${ms}}` : undefined; // ten years
}

/**
 * Sender-selected distribution: the further routing keys of a message from its headers `CC` and `BCC`, of which the
 * second is not for the receivers' eyes. Throws 406 when one is no list.
 */
export function withCopies(message: Message): Message {
  const { headers } = message.properties;
  if (headers.CC === undefined && headers.BCC === undefined) return message;
  for (const name of ['CC', 'BCC']) {
    const value = headers[name];
    if (value === undefined || Array.isArray(value)) continue;
    throw new AmqpError(406, `invalid message: {unacceptable_type_in_header,"${name}",${erlangType(value)}}`);
  }
  const { BCC: hidden, ...shown } = headers;
  const copies = [...routingKeysIn(headers.CC), ...routingKeysIn(hidden)];
  if (hidden === undefined) return { ...message, copies };
  const raw = replaceProperties(message.properties.raw, { headers: shown });
  return { ...message, copies, properties: { ...message.properties, headers: shown, raw } };
}

function unexpected(text: string): AmqpError {
  return new AmqpError(505, text);
}
