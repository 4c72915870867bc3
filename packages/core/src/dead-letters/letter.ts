/**
 * What a dead letter says about itself: what it is, why and when it died, where it came from. Reads the headers that
 * workers write and those of RabbitMQ (`x-death`), and trusts neither. Pure; never throws.
 */
import { deadLetterQueueName } from '../amqp/topology.js';
import { deadLetterHeaders as names } from '../dead-letter.js';
import type { HeaderTable, MessageProperties } from '../ports.js';
import { decodeTask } from '../protocol/celery-v2.js';
import { isMap } from '../protocol/celery-fields.js';
import { cloudEventMediaType, decodeEvent } from '../protocol/cloud-event.js';
import type { Received } from '../protocol/received.js';

/** A message in a dead-letter queue. What its headers do not say is absent. */
export interface DeadLetter {
  readonly id?: string;
  readonly kind: 'task' | 'event' | 'other';
  /** The task, or the event's type. */
  readonly name?: string;
  /** A worker's word (`failed`, `expired`, …) or the broker's (`rejected`, `expired`, `delivery_limit`, `maxlen`). */
  readonly reason: string;
  readonly detail?: string;
  /** Who put it there: a worker, the broker, or a program that left no word about it. */
  readonly by: 'worker' | 'broker' | 'unknown';
  readonly errorType?: string;
  readonly error?: string;
  readonly attempts?: number;
  readonly worker?: string;
  /** When it died, milliseconds since the epoch. */
  readonly time?: number;
  /** The queue it died in. */
  readonly queue?: string;
  /** What it was published to, and with which key. */
  readonly exchange?: string;
  readonly routingKey?: string;
  /** It had an expiry of the broker's, which the dead letter has not. */
  readonly expiration?: string;
  /** Its own headers did not fit: only why it is here was kept. */
  readonly headersDropped: boolean;
  readonly properties: MessageProperties;
  readonly body: Buffer;
  /** Why its header table cannot be read. */
  readonly headerError?: string | undefined;
}

type Place = Pick<
  DeadLetter,
  | 'reason'
  | 'detail'
  | 'by'
  | 'errorType'
  | 'error'
  | 'attempts'
  | 'worker'
  | 'time'
  | 'queue'
  | 'exchange'
  | 'routingKey'
  | 'expiration'
>;

/** `received` comes from the dead-letter queue of that name. */
export function readLetter(received: Received, deadLetterQueue: string): DeadLetter {
  const { properties, body, headerError } = received;
  const { headers = {} } = properties;
  const place = byWorker(headers) ?? byBroker(headers, deadLetterQueue) ?? nowhere(deadLetterQueue);
  return {
    ...subject(received),
    ...place,
    headersDropped: headers[names.headersDropped] === true,
    properties,
    body,
    ...(headerError === undefined ? {} : { headerError }),
  };
}

/** The queue whose dead letters these are, by the name of theirs. */
export function queueOfDeadLetters(deadLetterQueue: string): string | undefined {
  const suffix = deadLetterQueueName('');
  const isNamedSo = deadLetterQueue.endsWith(suffix) && deadLetterQueue !== suffix;
  return isNamedSo ? deadLetterQueue.slice(0, -suffix.length) : undefined;
}

function subject(received: Received): Pick<DeadLetter, 'id' | 'kind' | 'name'> {
  const { headers = {}, messageId, correlationId, contentType = '' } = received.properties;
  if (typeof headers.task === 'string') {
    return { kind: 'task', name: headers.task, ...id(headers.id, correlationId, messageId) };
  }
  if (contentType.toLowerCase().startsWith(cloudEventMediaType)) {
    const event = decodeEvent(received);
    return { kind: 'event', ...(event.ok ? { name: event.message.type } : {}), ...id(messageId) };
  }
  const task = decodeTask(received); // protocol 1 keeps its name in the body
  if (task.ok) return { kind: 'task', name: task.message.task, id: task.message.id };
  return { kind: 'other', ...id(messageId, correlationId) };
}

function id(...values: unknown[]): { id?: string } {
  const found = values.find((value) => typeof value === 'string' && value !== '');
  return found === undefined ? {} : { id: found as string };
}

function byWorker(headers: HeaderTable): Place | undefined {
  const reason = text(headers[names.reason]);
  if (reason === undefined) return undefined;
  const attempts = headers[names.attempts];
  return {
    by: 'worker',
    reason,
    ...(typeof attempts === 'number' ? { attempts } : {}),
    ...moment(Date.parse(text(headers[names.time]) ?? '')),
    ...texts({
      detail: headers[names.detail],
      errorType: headers[names.errorType],
      error: headers[names.error],
      worker: headers[names.worker],
      queue: headers[names.queue],
      exchange: headers[names.exchange],
      routingKey: headers[names.routingKey],
      expiration: headers[names.expiration],
    }),
  };
}

const delayQueue = /^celery_delayed_\d+$/u;

/** By the youngest death, but those on the way through the delay queues. */
function byBroker({ 'x-death': deaths }: HeaderTable, deadLetterQueue: string): Place | undefined {
  if (!Array.isArray(deaths)) return undefined;
  const death = deaths
    .filter(isMap)
    .find(({ queue }) => typeof queue === 'string' && queue !== deadLetterQueue && !delayQueue.test(queue));
  if (death === undefined) return undefined;
  const { queue, reason, exchange, time } = death;
  const keys = death['routing-keys'];
  return {
    by: 'broker',
    reason: text(reason) ?? 'unknown',
    ...moment(seconds(time) * 1000),
    ...texts({
      queue,
      exchange,
      routingKey: Array.isArray(keys) ? (keys[0] as unknown) : undefined,
      expiration: death['original-expiration'],
    }),
  };
}

function nowhere(deadLetterQueue: string): Place {
  return { by: 'unknown', reason: 'unknown', ...texts({ queue: queueOfDeadLetters(deadLetterQueue) }) };
}

/** Of an AMQP timestamp; NaN for anything else: publishers may write `x-death` themselves. */
function seconds(time: unknown): number {
  const value = isMap(time) ? time.value : undefined;
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : NaN;
}

/** What no Date can hold says nothing. */
function moment(ms: number): { time?: number } {
  return Number.isNaN(new Date(ms).getTime()) ? {} : { time: ms };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function texts<T extends object>(values: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => typeof value === 'string')) as never;
}
