/**
 * The properties of a received message that a copy of it keeps. Each is short enough to be written again: bytes that
 * are no UTF-8 become longer when they are read. Pure. Never keeps `expiration`: a copy's time is its own.
 */
import { randomUUID } from 'node:crypto';

import type { MessageProperties } from '../ports.js';

/** AMQP's texts hold 255 bytes. */
const textBytes = 255;

export type CopiedProperties = Omit<MessageProperties, 'headers' | 'expiration'> & {
  readonly messageId: string;
};

export function copiedProperties(properties: MessageProperties): CopiedProperties {
  const { contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId } =
    properties;
  const kept = { contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId };
  const messageId = firstText(properties.messageId, correlationId) ?? randomUUID();
  return { ...fitting(kept), messageId: fit(messageId) };
}

export function fit(text: string): string {
  return cut(text, textBytes);
}

/** The properties that are there, each short enough. */
export function fitting<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    kept.map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? fit(value) : value]),
  ) as never;
}

/** At most so many bytes. Cutting may split a character: the decoder's replacement sign is dropped. */
export function cut(text: string, most: number): string {
  if (Buffer.byteLength(text) <= most) return text;
  const kept = Buffer.from(text.slice(0, most)).subarray(0, most - 3);
  return `${kept.toString('utf8').replace(/\uFFFD+$/u, '')}…`;
}

function firstText(...texts: (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}
