/**
 * What a dead-lettered message looks like: `x-death` and the `x-first-death-…` headers, and whether it has gone in a
 * circle. Pure. Source: rabbit_dead_letter.erl of RabbitMQ 3.10.
 */
import { writeTable } from '@celeriac/core';

import type { Message } from './message.js';
import type { DeathReason } from './queue.js';

type Table = Readonly<Record<string, unknown>>;

interface Death {
  readonly count: number;
  readonly exchange: string;
  readonly queue: string;
  readonly reason: DeathReason;
  readonly 'routing-keys': readonly string[];
  readonly time: unknown;
  readonly 'original-expiration'?: string;
}

export interface Burial {
  readonly queue: string;
  readonly reason: DeathReason;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The headers of the copy. */
export function deathHeaders(message: Message, { queue, reason, now }: Burial): Record<string, unknown> {
  const { headers, expiration } = message.properties;
  const deaths = deathsOf(headers);
  const index = deaths.findIndex((death) => death.queue === queue && death.reason === reason);
  const before = deaths[index];
  const death: Death =
    before === undefined
      ? {
          count: 1,
          exchange: message.exchange,
          queue,
          reason,
          'routing-keys': [message.routingKey],
          time: { '!': 'timestamp', value: Math.floor(now / 1000) },
          ...(expiration === undefined ? {} : { 'original-expiration': expiration }),
        }
      : { ...before, count: before.count + 1 };
  return {
    'x-first-death-exchange': message.exchange,
    'x-first-death-queue': queue,
    'x-first-death-reason': reason,
    ...headers,
    'x-death': [death, ...deaths.filter((_, at) => at !== index)],
  };
}

function deathsOf(headers: Table): Death[] {
  const { 'x-death': deaths } = headers;
  return Array.isArray(deaths) ? (deaths as Death[]) : [];
}

/** True when it died in `queue` before and nobody rejected it since: it would go round for ever. */
export function isCycle(queue: string, { properties: { headers } }: Message): boolean {
  const deaths = deathsOf(headers);
  const index = deaths.findIndex((death) => death.queue === queue);
  return index !== -1 && deaths.slice(0, index + 1).every(({ reason }) => reason !== 'rejected');
}

/** Properties with other headers and without an expiration, written anew from the raw ones. */
export function withHeaders(raw: Buffer, headers: Table): Buffer {
  const flags = raw.readUInt16BE(0);
  let at = 2;
  const shortStringEnd = (from: number): number => from + 1 + raw.readUInt8(from);
  if (flags & 0x8000) at = shortStringEnd(at);
  if (flags & 0x4000) at = shortStringEnd(at);
  const front = raw.subarray(2, at);
  if (flags & 0x2000) at += 4 + raw.readUInt32BE(at);
  const afterHeaders = at;
  if (flags & 0x1000) at += 1;
  if (flags & 0x0800) at += 1;
  if (flags & 0x0400) at = shortStringEnd(at);
  if (flags & 0x0200) at = shortStringEnd(at);
  const beforeExpiration = at;
  if (flags & 0x0100) at = shortStringEnd(at);
  const newFlags = Buffer.alloc(2);
  newFlags.writeUInt16BE((flags | 0x2000) & ~0x0100);
  return Buffer.concat([
    newFlags,
    front,
    Buffer.from(writeTable(headers), 'latin1'),
    raw.subarray(afterHeaders, beforeExpiration),
    raw.subarray(at),
  ]);
}
