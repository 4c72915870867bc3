/** Basic properties as bytes: some of them replaced, the others as they came. Pure. Source: AMQP 0-9-1 §4.2.6.1. */
import { readProperties, type ReceivedProperties, shortString, writeTable } from '@celeriac/core';

import type { Properties } from './message.js';

/** In wire order; each is a short string but for those with a size. */
const order = [
  [0x8000, 'contentType'],
  [0x4000, 'contentEncoding'],
  [0x2000, 'headers'],
  [0x1000, 'deliveryMode'],
  [0x0800, 'priority'],
  [0x0400, 'correlationId'],
  [0x0200, 'replyTo'],
  [0x0100, 'expiration'],
] as const;

type Name = (typeof order)[number][1];

export interface Replacements {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly replyTo?: string;
  /** Null takes it away. */
  readonly expiration?: null;
}

/** What the broker itself reads of properties as they came. Never throws. */
export function propertiesOf(raw: Buffer, read: ReceivedProperties = readProperties(raw, 0)): Properties {
  const { headers, deliveryMode, priority = 0, expiration } = read;
  return { raw, headers, persistent: deliveryMode === 2, priority, expiration };
}

/** True when the message names a priority, be it 0. */
export function hasPriority(raw: Buffer): boolean {
  return (raw.readUInt16BE(0) & 0x0800) !== 0;
}

/** The properties with these replaced. */
export function replaceProperties(raw: Buffer, replacements: Replacements): Buffer {
  let flags = raw.readUInt16BE(0);
  let at = 2;
  const parts: Buffer[] = [];
  for (const [flag, name] of order) {
    const end = (flags & flag) === 0 ? at : endOf(raw, name, at);
    const replacement = written(name, replacements);
    if (replacement !== undefined) flags = replacement === null ? flags & ~flag : flags | flag;
    const part = replacement === undefined ? raw.subarray(at, end) : replacement;
    if (part !== null) parts.push(part);
    at = end;
  }
  const head = Buffer.alloc(2);
  head.writeUInt16BE(flags);
  return Buffer.concat([head, ...parts, raw.subarray(at)]);
}

function endOf(raw: Buffer, name: Name, at: number): number {
  if (name === 'headers') return at + 4 + raw.readUInt32BE(at);
  if (name === 'deliveryMode' || name === 'priority') return at + 1;
  return at + 1 + raw.readUInt8(at);
}

/** Undefined: as it came. Null: away. */
function written(name: Name, { headers, replyTo, expiration }: Replacements): Buffer | null | undefined {
  if (name === 'headers' && headers !== undefined) return Buffer.from(writeTable(headers), 'latin1');
  if (name === 'replyTo' && replyTo !== undefined) {
    return Buffer.from(shortString(replyTo, 'reply_to'), 'latin1');
  }
  return name === 'expiration' ? expiration : undefined;
}
