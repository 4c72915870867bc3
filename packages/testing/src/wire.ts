/**
 * The wire without a network: messages are written as AMQP would carry them and read back, so that whatever changes
 * or is refused on the way changes or is refused here too. Delivers nothing.
 */
import {
  type Delivery,
  messageTooLarge,
  type MessageProperties,
  type OutgoingMessage,
  type PublishOptions,
  readProperties,
  type ReceivedProperties,
  writeProperties,
} from '@celeriac/core';

/** A message as a receiver gets it. */
export interface WireMessage {
  readonly exchange: string;
  readonly routingKey: string;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
}

/** Writes properties and reads them back. Throws ERR_NOT_SERIALIZABLE for what AMQP cannot carry. */
export function overTheWire(properties: MessageProperties): ReceivedProperties {
  return readProperties(Buffer.from(writeProperties(properties), 'latin1'), 0);
}

export interface WireLimits {
  /** Bytes. */
  readonly maxBytes: number;
}

/** As a receiver would get it. Throws ERR_MESSAGE_TOO_LARGE or ERR_NOT_SERIALIZABLE, as publishing it would. */
export function carried(
  message: OutgoingMessage,
  { anySize = false }: PublishOptions,
  { maxBytes }: WireLimits,
): WireMessage {
  const { exchange, routingKey, body } = message;
  if (!anySize && body.length > maxBytes) throw messageTooLarge(message, maxBytes);
  return { exchange, routingKey, properties: overTheWire(message.properties), body: Buffer.from(body) };
}

/** How a delivery was settled. */
export type Settling = 'acked' | 'requeued' | 'rejected';

export interface MemoryDeliveryOptions {
  readonly queue: string;
  readonly redelivered: boolean;
  readonly message: WireMessage;
  /** Called once. */
  readonly onSettled: (how: Settling) => void;
}

/** A message in hand that came over no channel. Settled once; a second time throws, as the broker would object. */
export class MemoryDelivery implements Delivery {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
  #onSettled: (how: Settling) => void;
  #settled = false;

  constructor({ queue, redelivered, message, onSettled }: MemoryDeliveryOptions) {
    this.queue = queue;
    this.redelivered = redelivered;
    this.exchange = message.exchange;
    this.routingKey = message.routingKey;
    this.properties = message.properties;
    this.body = message.body;
    this.#onSettled = onSettled;
  }

  get headerError(): string | undefined {
    return this.properties.headerError;
  }

  get rawHeaders(): Buffer | undefined {
    return this.properties.rawHeaders;
  }

  get live(): boolean {
    return !this.#settled;
  }

  /** Nothing can be lost on the way: it is never called back. */
  onLost(): () => void {
    return () => undefined;
  }

  ack(): void {
    this.#settle('acked');
  }

  requeue(countsAsFailure: boolean): void {
    this.#settle(countsAsFailure ? 'rejected' : 'requeued');
  }

  #settle(how: Settling): void {
    if (this.#settled) throw new Error(`a delivery of '${this.queue}' was settled a second time`);
    this.#settled = true;
    this.#onSettled(how);
  }
}
