/**
 * Deliveries on their way from the I/O thread: packed into one block of bytes that changes hands without a copy, and
 * read again on the other side. Properties travel as the broker wrote them. Pure.
 */
import { type Delivery, readProperties, ReceivedProperties } from '@celeriac/core';

import type { DeliveryBatch } from './protocol.js';

const perDelivery = 4;
const redeliveredFlag = 1;

export interface Numbered {
  readonly number: number;
  readonly delivery: Delivery;
}

export interface Origin {
  readonly consumer: number;
  readonly channel: number;
}

/** Every delivery of a consumer was read by our frame reader. */
function wireOf({ properties }: Delivery): Uint8Array {
  const wire = properties instanceof ReceivedProperties ? properties.wire : undefined;
  return wire ?? noProperties;
}

const noProperties = new Uint8Array(2);

export function packDeliveries(all: readonly Numbered[], { consumer, channel }: Origin): DeliveryBatch {
  const numbers = new Int32Array(all.length * perDelivery);
  const names: string[] = [];
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const [index, { number, delivery }] of all.entries()) {
    const { body, exchange, routingKey, redelivered } = delivery;
    const properties = wireOf(delivery);
    numbers.set(
      [number, redelivered ? redeliveredFlag : 0, properties.length, body.length],
      index * perDelivery,
    );
    names.push(exchange, routingKey);
    parts.push(properties, body);
    size += properties.length + body.length;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { consumer, channel, numbers, names, bytes: bytes.buffer };
}

/** A delivery as it arrives. */
export interface Arrived {
  readonly number: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
}

export function* unpackDeliveries({ numbers, names, bytes }: DeliveryBatch): Generator<Arrived> {
  let at = 0;
  for (let index = 0; index * perDelivery < numbers.length; index++) {
    const [number = 0, flags = 0, propertiesLength = 0, bodyLength = 0] = numbers.subarray(
      index * perDelivery,
      (index + 1) * perDelivery,
    );
    const properties = readProperties(Buffer.from(bytes, at, propertiesLength), 0);
    at += propertiesLength;
    const body = Buffer.from(bytes, at, bodyLength);
    at += bodyLength;
    const exchange = names[index * 2] ?? '';
    const routingKey = names[index * 2 + 1] ?? '';
    yield { number, exchange, routingKey, redelivered: (flags & redeliveredFlag) !== 0, properties, body };
  }
}
