/**
 * Copies of received messages that are sent again: moved to their time as they came, or for another attempt. Body
 * bytes are not touched, but of protocol 1, where everything is in the body. Pure: publishes nothing.
 */
import type { HeaderTable, MessageProperties } from '../ports.js';
import { deliveriesHeader, headerCount } from '../policy/redelivery.js';
import { readJsonBody } from './body.js';
import { isBrokerHeader, isMap } from './celery-fields.js';
import { decodeTask, encodeTask } from './celery-v2.js';
import { isDelayExchange } from '../policy/delay.js';
import { checkpointHeader, checkpointsHeader } from './checkpoint-headers.js';
import { isClaimed } from './claim.js';
import { copiedProperties } from './copied-properties.js';
import { formatIsoTime } from './iso-time.js';
import type { EncodedMessage, Received } from './received.js';

/** Headers of ours on copies. */
export const againHeaders = {
  /** On events, which have no count of their own. */
  retries: 'celeriac-retries',
  /** How often a task ended the thread or process that ran it. */
  crashes: 'celeriac-crashes',
  /** When it failed first. */
  firstTime: 'celeriac-first-time',
  /** How often a limit had it come later. */
  deferrals: 'celeriac-deferrals',
  /** How an event came at first: a delayed copy comes from the delay queues, under the key of its delay. */
  exchange: 'celeriac-exchange',
  routingKey: 'celeriac-routing-key',
} as const;

/** Enough to wait the longest; a count that grows no further overflows nowhere. */
const mostDeferrals = 1_000_000;

/** The message as it came, for the delay queues: its way there would hide the one it came by. */
export function copyPostponed(received: ReceivedBy): EncodedMessage {
  const { body, properties } = copyAsItCame(received);
  return { body, properties: { ...properties, headers: { ...properties.headers, ...byExchange(received) } } };
}

/** How it came, where that was by an exchange of its own. */
export function byExchange(received: ReceivedBy): HeaderTable {
  const { exchange, routingKey } = cameBy(received);
  return exchange === '' || isDelayExchange(exchange)
    ? {}
    : { [againHeaders.exchange]: exchange, [againHeaders.routingKey]: routingKey };
}

/** The message as it came, counted: see `deliveryCount`. */
export function copyRecounted(received: ReceivedBy, deliveries: number): EncodedMessage {
  const { body, properties } = copyAsItCame(received);
  const { expiration } = received.properties;
  const headers = { ...properties.headers, ...byExchange(received), [deliveriesHeader]: deliveries };
  return {
    body,
    properties: { ...properties, ...(expiration === undefined ? {} : { expiration }), headers },
  };
}

/** The attempt that a copy is for. */
export interface NextAttempt {
  /** Attempts before it. */
  readonly retries: number;
  /** Milliseconds since the epoch: when it is due, and what time it is. */
  readonly eta: number;
  readonly now: number;
  /** Crashes before it; absent: as the message says. */
  readonly crashes?: number | undefined;
}

export interface CameBy {
  readonly exchange: string;
  readonly routingKey: string;
}

/** A received message with where it came by. A Delivery is one. */
export type ReceivedBy = Received & CameBy;

/** A received message with the queue it is in as well. A Delivery is one. */
export type ReceivedIn = ReceivedBy & { readonly queue: string };

/** Makes the copy for the next attempt. */
export type CopyForRetry = (received: ReceivedBy, next: NextAttempt) => EncodedMessage;

/** The same where it matters which queue the copy is for: it is the one that the message is in. */
export type CopyInQueue = (received: ReceivedIn, next: NextAttempt) => EncodedMessage;

/** The message as it came, without what the broker wrote on it. */
export function copyAsItCame({ properties, body }: Received): EncodedMessage {
  return { body, properties: { ...copiedProperties(properties), headers: withoutBroker(properties) } };
}

/** The message as it came, and one deferral more. */
export function copyDeferred(received: ReceivedBy): EncodedMessage {
  const { body, properties } = copyPostponed(received);
  const deferrals = Math.min(deferralCount(received.properties) + 1, mostDeferrals);
  return {
    body,
    properties: { ...properties, headers: { ...properties.headers, [againHeaders.deferrals]: deferrals } },
  };
}

/** As Celery's `retry` sends it: same id, one more in `retries`, its own parent. Protocol 1 becomes protocol 2. */
export function taskForRetry(timeZone: string): CopyForRetry {
  return (received, { retries, eta, now, crashes }) => {
    const { body, properties } = isProtocol1(received)
      ? asProtocol2(received, timeZone, now)
      : copyAsItCame(received);
    const headers = uncounted(properties.headers);
    const crashed = crashes === undefined ? {} : { [againHeaders.crashes]: crashes };
    const changed = { retries, eta: formatIsoTime(eta), parent_id: headers.id, ...crashed };
    return {
      body,
      properties: { ...properties, headers: { ...headers, ...firstTime(headers, now), ...changed } },
    };
  };
}

/** What a copy goes on from. */
export interface NextRun {
  /** JSON. */
  readonly state: string;
  /** Milliseconds since the epoch: when it is due, absent for at once; and what time it is. */
  readonly eta?: number | undefined;
  readonly now: number;
}

/** Makes the copy that goes on from a checkpoint. */
export type CopyAtCheckpoint = (received: ReceivedBy, next: NextRun) => EncodedMessage;

/** As `CopyInQueue`. */
export type CopyAtCheckpointInQueue = (received: ReceivedIn, next: NextRun) => EncodedMessage;

/**
 * The same task, going on: same id, same `retries`. Deliveries and crashes are counted anew, since it got further. It
 * was started in time, so it does not expire any more. Protocol 1 becomes protocol 2.
 */
export function taskAtCheckpoint(timeZone: string): CopyAtCheckpoint {
  return (received, { state, eta, now }) => {
    const { body, properties } = isProtocol1(received)
      ? asProtocol2(received, timeZone, now)
      : copyAsItCame(received);
    const { [againHeaders.crashes]: _crashes, ...headers } = uncounted(properties.headers);
    const changed = {
      eta: eta === undefined ? null : formatIsoTime(eta),
      expires: null,
      [checkpointHeader]: state,
      [checkpointsHeader]: headerCount(headers[checkpointsHeader]) + 1,
    };
    return { body, properties: { ...properties, headers: { ...headers, ...changed } } };
  };
}

/**
 * The task as it was before its first attempt: not retried, due at once. Protocol 1 becomes protocol 2; what cannot be
 * read stays as it is.
 */
export function taskAnew(received: Received, timeZone: string, now: number): EncodedMessage {
  const isReadable = decodeTask(received, { timeZone }).ok;
  const { body, properties } =
    isReadable && isProtocol1(received) ? asProtocol2(received, timeZone, now) : copyAsItCame(received);
  const headers = uncounted(properties.headers);
  return { body, properties: { ...properties, headers: { ...headers, retries: 0, eta: null } } };
}

/** The event as it came, counted. */
export const eventForRetry: CopyForRetry = (received, { retries, now }) => {
  const { body, properties } = copyAsItCame(received);
  const headers = uncounted(properties.headers);
  const { exchange, routingKey } = cameBy(received);
  const changed = {
    [againHeaders.retries]: retries,
    [againHeaders.exchange]: exchange,
    [againHeaders.routingKey]: routingKey,
  };
  return {
    body,
    properties: { ...properties, headers: { ...headers, ...firstTime(headers, now), ...changed } },
  };
};

/** How often an event was tried before. */
export function eventRetries({ headers = {} }: MessageProperties): number {
  return headerCount(headers[againHeaders.retries]);
}

/** How often a task ended the thread or process that ran it, before. */
export function taskCrashes({ headers = {} }: MessageProperties): number {
  return headerCount(headers[againHeaders.crashes]);
}

/** How often a limit had it come later, before its attempt began. */
export function deferralCount({ headers = {} }: MessageProperties): number {
  return headerCount(headers[againHeaders.deferrals]);
}

/** How a message came at first, also where this is a copy of it. */
export function cameBy({ properties, exchange, routingKey }: ReceivedBy): CameBy {
  const { headers = {} } = properties;
  const original = headers[againHeaders.routingKey];
  if (typeof original !== 'string') return { exchange, routingKey };
  const from = headers[againHeaders.exchange];
  return { exchange: typeof from === 'string' ? from : exchange, routingKey: original };
}

/** An attempt that came to its end did not end its worker, and the next one takes its own turn: counts begin anew. */
function uncounted(headers: HeaderTable = {}): HeaderTable {
  const { [deliveriesHeader]: _counted, [againHeaders.deferrals]: _deferred, ...others } = headers;
  return others;
}

function firstTime(headers: HeaderTable, now: number): HeaderTable {
  return headers[againHeaders.firstTime] === undefined
    ? { [againHeaders.firstTime]: formatIsoTime(now) }
    : {};
}

/**
 * Without the broker's own: a second walk through the delay queues with the first one's `x-death` looks like a
 * circle to RabbitMQ, which drops the message. Nor with CC: those queues have had their copies.
 */
function withoutBroker({ headers = {} }: MessageProperties): HeaderTable {
  const kept = Object.entries(headers).filter(
    ([name]) => !isBrokerHeader(name) && name !== 'CC' && name !== 'BCC',
  );
  return Object.fromEntries(kept);
}

/** As in `decodeTask`: the `task` header makes it protocol 2, unless the body is protocol 1's map. */
function isProtocol1(received: Received): boolean {
  if (isClaimed(received.properties)) return false;
  if (received.properties.headers?.task === undefined) return true;
  const document = readJsonBody(received, ['application/json']);
  return isMap(document) && 'args' in document;
}

function asProtocol2(received: Received, timeZone: string, now: number): EncodedMessage {
  const decoded = decodeTask(received, { timeZone });
  if (!decoded.ok) throw decoded.error;
  const { body, properties } = encodeTask(decoded.message, now);
  const { expiration: _dropped, ...kept } = properties;
  return { body, properties: kept };
}
