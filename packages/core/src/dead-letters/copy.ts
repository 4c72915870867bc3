/**
 * The message that a dead letter becomes when it is put back: as it was before its first attempt. Body, id and
 * Celery's headers stay; counters, and what was written on it when it died, go. Pure: publishes nothing.
 */
import { deadLetterHeaders } from '../dead-letter.js';
import { deliveriesHeader } from '../policy/redelivery.js';
import type { HeaderTable, OutgoingMessage } from '../ports.js';
import { againHeaders, copyAsItCame, taskAnew } from '../protocol/again.js';
import { chainHeader } from '../protocol/key-headers.js';
import { longestExpirationMs } from '../protocol/celery-v2.js';
import { formatIsoTime, parseIsoTime } from '../protocol/iso-time.js';
import type { DeadLetter } from './letter.js';

export interface CopyOptions {
  /** The queue it goes to. */
  readonly queue: string;
  readonly now: number;
  /** Time zone of a task's expiry without an offset. */
  readonly timeZone: string;
  /** A new expiry, from now. */
  readonly expiresMs?: number | undefined;
}

export interface RequeuedCopy {
  readonly message: OutgoingMessage;
  /** It had an expiry that has passed, and is sent without. */
  readonly expiryDropped: boolean;
}

/** Headers of a dead letter. The header table that nobody could read is the message's own: there is no other copy. */
const lettersOwn: ReadonlySet<string> = new Set<string>([
  ...Object.values(deadLetterHeaders).filter((name) => name !== deadLetterHeaders.rawHeaders),
  ...Object.values(againHeaders),
  deliveriesHeader,
  'celeriac-cc',
  'celeriac-bcc',
]);

export function requeuedCopy(letter: DeadLetter, options: CopyOptions): RequeuedCopy {
  const { queue, now, timeZone } = options;
  const isTask = letter.kind === 'task';
  const { body, properties } = isTask ? taskAnew(letter, timeZone, now) : copyAsItCame(letter);
  const kept = Object.entries(properties.headers ?? {}).filter(([name]) => !lettersOwn.has(name));
  const headers: HeaderTable = {
    ...Object.fromEntries(kept),
    ...(isTask ? {} : cameBy(letter)),
    ...chainHeader(`requeued ${now}`), // what is known of its attempts is over
  };
  const expiry = isTask ? expiryOfTask(headers, options) : expiryOfOther(letter, options);
  return {
    // The default exchange: the original one would reach every queue that is bound to it.
    message: {
      exchange: '',
      routingKey: queue,
      body,
      properties: { ...properties, ...expiration(expiry.ms), headers: { ...headers, ...expiry.headers } },
    },
    expiryDropped: expiry.dropped,
  };
}

/** An application finds the handler of an event by the key it was published with. */
function cameBy({ exchange, routingKey }: DeadLetter): HeaderTable {
  if (routingKey === undefined) return {};
  return { [againHeaders.exchange]: exchange ?? '', [againHeaders.routingKey]: routingKey };
}

interface Expiry {
  readonly ms?: number;
  readonly headers?: HeaderTable;
  readonly dropped: boolean;
}

/** A task says in its headers until when it may be started: over, it would die again at once. */
function expiryOfTask(headers: HeaderTable, { now, timeZone, expiresMs }: CopyOptions): Expiry {
  if (expiresMs !== undefined) {
    return { ms: expiresMs, headers: { expires: formatIsoTime(now + expiresMs) }, dropped: false };
  }
  const { expires } = headers;
  const until = typeof expires === 'string' ? parseIsoTime(expires, timeZone) : undefined;
  if (until === undefined) return { dropped: false };
  if (until <= now) return { headers: { expires: null }, dropped: true };
  return { ms: until - now, dropped: false };
}

/** The broker counted from when it was published: whatever is left of it is unknown. */
function expiryOfOther({ expiration }: DeadLetter, { expiresMs }: CopyOptions): Expiry {
  if (expiresMs !== undefined) return { ms: expiresMs, dropped: false };
  return { dropped: expiration !== undefined };
}

function expiration(ms: number | undefined): { expiration?: string } {
  return ms === undefined || ms > longestExpirationMs ? {} : { expiration: String(Math.floor(ms)) };
}
