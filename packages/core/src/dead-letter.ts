/**
 * The copy of a delivery that goes to the dead-letter queue: body, properties and headers as they came, and why it
 * is there in headers of its own. Pure: publishes nothing.
 */
import { randomUUID } from 'node:crypto';

import { deadLetterQueueName } from './amqp/topology.js';
import { errorText } from './errors.js';
import type { Delivery, OutgoingMessage } from './ports.js';
import type { DeadLetterReason } from './verdict.js';

export interface DeadLetterCause {
  readonly reason: DeadLetterReason;
  readonly detail?: string;
  readonly error: unknown;
}

export interface DeadLetterBy {
  /** The worker that gave up on it. */
  readonly worker: string;
  readonly at: Date;
}

/** Headers added to a dead letter. Texts, so that every tool can show them. */
export const deadLetterHeaders = {
  reason: 'celeriac-reason',
  detail: 'celeriac-reason-detail',
  errorType: 'celeriac-error-type',
  error: 'celeriac-error',
  queue: 'celeriac-queue',
  exchange: 'celeriac-exchange',
  routingKey: 'celeriac-routing-key',
  worker: 'celeriac-worker',
  time: 'celeriac-time',
  redelivered: 'celeriac-redelivered',
  expiration: 'celeriac-expiration',
  rawHeaders: 'celeriac-raw-headers',
  headersDropped: 'celeriac-headers-dropped',
} as const;

/** RabbitMQ refuses header tables over a frame; an error text needs no more to be understood. */
const errorBytes = 1024;

export function deadLetter(delivery: Delivery, cause: DeadLetterCause, by: DeadLetterBy): OutgoingMessage {
  const { queue, exchange, routingKey, redelivered, properties, body, rawHeaders } = delivery;
  const { contentType, contentEncoding, headers, priority, correlationId, replyTo, timestamp, type, appId } =
    properties;
  const kept = { contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId };
  const names = deadLetterHeaders;
  return {
    exchange: '',
    routingKey: deadLetterQueueName(queue),
    body,
    properties: {
      ...definedOf(kept),
      messageId: firstText(properties.messageId, correlationId) ?? randomUUID(),
      headers: {
        ...headers,
        [names.reason]: cause.reason,
        ...(cause.detail === undefined ? {} : { [names.detail]: cause.detail }),
        [names.errorType]: errorType(cause.error),
        [names.error]: shortened(errorText(cause.error)),
        [names.queue]: queue,
        [names.exchange]: exchange,
        [names.routingKey]: routingKey,
        [names.worker]: by.worker,
        [names.time]: by.at.toISOString(),
        [names.redelivered]: redelivered,
        // As a property it would let the dead letter expire before anyone has seen it.
        ...(properties.expiration === undefined ? {} : { [names.expiration]: properties.expiration }),
        ...(rawHeaders === undefined ? {} : { [names.rawHeaders]: rawHeaders }),
      },
    },
  };
}

function definedOf<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function firstText(...texts: (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

/** The same dead letter without the headers it came with, for when all of them together are too much to write. */
export function withoutOriginalHeaders(letter: OutgoingMessage): OutgoingMessage {
  const ours = new Set<string>(Object.values(deadLetterHeaders));
  const kept = Object.entries(letter.properties.headers ?? {}).filter(([name]) => ours.has(name));
  const headers = { ...Object.fromEntries(kept), [deadLetterHeaders.headersDropped]: true };
  return { ...letter, properties: { ...letter.properties, headers } };
}

function errorType(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'string') return code;
  return error instanceof Error ? error.name : typeof error;
}

function shortened(text: string): string {
  if (Buffer.byteLength(text) <= errorBytes) return text;
  // Cutting bytes may split a character: the decoder's replacement sign is dropped.
  return `${Buffer.from(text)
    .subarray(0, errorBytes - 3)
    .toString('utf8')
    .replace(/\uFFFD+$/u, '')}…`;
}
