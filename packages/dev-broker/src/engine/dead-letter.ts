/**
 * What a dead-lettered message looks like: `x-death` and the `x-first-death-…` headers, its new routing keys, and
 * whether it has gone in a circle. Pure. Source: rabbit_dead_letter.erl of RabbitMQ 3.10, mc.erl since 3.13.
 */
import type { Message } from './message.js';
import type { Profile } from './profile.js';
import { replaceProperties } from './properties.js';
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
  readonly profile: Profile;
}

export interface DeadLetterTarget {
  readonly exchange: string;
  /** Absent: the keys it was published with. */
  readonly routingKey: string | undefined;
}

/** The copy that goes to the dead-letter exchange. */
export function deadLetter(message: Message, burial: Burial, target: DeadLetterTarget): Message {
  const { CC: copies, ...others } = deathHeaders(message, burial);
  const keepsKeys = target.routingKey === undefined;
  const keepsCc = copies !== undefined && (keepsKeys || !burial.profile.dropsCc);
  const headers = keepsCc ? { ...others, CC: copies } : others;
  return {
    exchange: target.exchange,
    routingKey: target.routingKey ?? message.routingKey,
    properties: {
      ...message.properties,
      headers,
      raw: replaceProperties(message.properties.raw, { headers, expiration: null }),
      expiration: undefined,
    },
    body: message.body,
    ...(keepsKeys && message.copies !== undefined ? { copies: message.copies } : {}),
    hasDied: true,
  };
}

function deathHeaders(message: Message, { queue, reason, now, profile }: Burial): Record<string, unknown> {
  const { headers, expiration } = message.properties;
  const deaths = profile.clientDeaths || message.hasDied === true ? deathsOf(headers) : [];
  const index = deaths.findIndex((death) => death.queue === queue && death.reason === reason);
  const before = deaths[index];
  const { CC: copies } = headers;
  const death: Death =
    before === undefined
      ? {
          count: 1,
          exchange: message.exchange,
          queue,
          reason,
          'routing-keys': [message.routingKey, ...routingKeysIn(copies)],
          time: { '!': 'timestamp', value: Math.floor(now / 1000) },
          ...(expiration === undefined ? {} : { 'original-expiration': expiration }),
        }
      : { ...before, count: oneMore(before.count) };
  const others = deaths.filter((_, at) => at !== index);
  const place = (which: string): Record<string, string> => ({
    [`x-${which}-death-exchange`]: message.exchange,
    [`x-${which}-death-queue`]: queue,
    [`x-${which}-death-reason`]: reason,
  });
  return {
    ...headers,
    ...(deaths.length === 0 ? place('first') : {}),
    ...(profile.lastDeath ? place('last') : {}),
    'x-death': [death, ...(profile.turnsDeaths ? others.reverse() : others)],
  };
}

/** The keys in a `CC` or `BCC` header; none where it is no list. */
export function routingKeysIn(header: unknown): string[] {
  return Array.isArray(header) ? header.filter((key): key is string => typeof key === 'string') : [];
}

function deathsOf(headers: Table): Death[] {
  const { 'x-death': deaths } = headers;
  return Array.isArray(deaths) ? deaths.filter(isDeath) : [];
}

/** A client may have written it: only what is looked at is certain then, and what is no table is left out. */
function isDeath(value: unknown): value is Death {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A client may have written it. */
function oneMore(count: unknown): number {
  return typeof count === 'number' && Number.isSafeInteger(count + 1) ? count + 1 : 1;
}

/** True when it died in `queue` before and nobody rejected it since: it would go round for ever. */
export function isCycle(queue: string, { properties: { headers } }: Message): boolean {
  const deaths = deathsOf(headers);
  const index = deaths.findIndex((death) => death.queue === queue);
  return index !== -1 && deaths.slice(0, index + 1).every(({ reason }) => reason !== 'rejected');
}
