/**
 * The copy of a delivery that goes to the dead-letter queue: body, properties and headers as they came, and why it
 * is there in headers of its own. Pure: publishes nothing.
 */
import { deadLetterQueueName } from './amqp/topology.js';
import { errorText } from './errors.js';
import type { Delivery, HeaderTable, OutgoingMessage } from './ports.js';
import { cameBy } from './protocol/again.js';
import { essentialHeaders } from './protocol/essential-headers.js';
import { copiedProperties, cut, fit, fitting } from './protocol/copied-properties.js';
import type { DeadLetterReason } from './verdict.js';

export interface DeadLetterCause {
  readonly reason: DeadLetterReason;
  readonly detail?: string;
  /** How often it was tried, where it was. */
  readonly attempts?: number;
  /** How often it ended the thread or process that ran it, where it did. */
  readonly crashes?: number;
  readonly error: unknown;
}

export interface DeadLetterBy {
  /** The worker that gave up on it. */
  readonly worker: string;
  readonly at: Date;
}

/** Headers added to a dead letter: plain values, so that every tool can show them. */
export const deadLetterHeaders = {
  reason: 'celeriac-reason',
  detail: 'celeriac-reason-detail',
  attempts: 'celeriac-attempts',
  crashes: 'celeriac-crashes',
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

const names = deadLetterHeaders;

/** RabbitMQ refuses header tables over a frame; an error text needs no more to be understood. */
const errorBytes = 1024;

export function deadLetter(delivery: Delivery, cause: DeadLetterCause, by: DeadLetterBy): OutgoingMessage {
  const { queue, redelivered, properties, body, rawHeaders } = delivery;
  const { exchange, routingKey } = cameBy(delivery);
  const { headers } = properties;
  return {
    exchange: '',
    routingKey: deadLetterQueueName(queue),
    body,
    properties: {
      ...copiedProperties(properties),
      headers: {
        ...withoutCopies(withoutMarks(headers)),
        [names.reason]: cause.reason,
        ...(cause.detail === undefined ? {} : { [names.detail]: cause.detail }),
        ...(cause.attempts === undefined ? {} : { [names.attempts]: cause.attempts }),
        ...(cause.crashes === undefined ? {} : { [names.crashes]: cause.crashes }),
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

/** Those of an earlier death, that another program moved it back with: what is not written again would be told twice. */
const marks: readonly string[] = [
  names.detail,
  names.attempts,
  names.crashes,
  names.expiration,
  names.headersDropped,
];

function withoutMarks(headers: HeaderTable = {}): HeaderTable {
  if (headers[names.reason] === undefined) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !marks.includes(name)));
}

/** RabbitMQ routes by CC and BCC: kept under their names, they would send the dead letter back to its queue. */
function withoutCopies(headers: HeaderTable = {}): HeaderTable {
  if (!('CC' in headers) && !('BCC' in headers)) return headers;
  const { CC: cc, BCC: bcc, ...others } = headers;
  return {
    ...others,
    ...(cc === undefined ? {} : { 'celeriac-cc': cc }),
    ...(bcc === undefined ? {} : { 'celeriac-bcc': bcc }),
  };
}

/**
 * The same dead letter with nothing of its own but the body, why it is there, and what it takes to run it when it is put
 * back: for one that cannot be written whole.
 */
export function barest(letter: OutgoingMessage): OutgoingMessage {
  const ours = new Set<string>(Object.values(names).filter((name) => name !== names.rawHeaders));
  const { contentType, contentEncoding, messageId, headers = {} } = letter.properties;
  const kept = Object.entries(headers).filter(([name]) => ours.has(name));
  return {
    ...letter,
    properties: {
      ...fitting({ contentType, contentEncoding }),
      messageId,
      headers: { ...essentialHeaders(headers), ...Object.fromEntries(kept), [names.headersDropped]: true },
    },
  };
}

function errorType(error: unknown): string {
  try {
    const code = (error as { code?: unknown } | null | undefined)?.code;
    if (typeof code === 'string') return fit(code);
    return error instanceof Error && typeof error.name === 'string' ? fit(error.name) : typeof error;
  } catch {
    return typeof error; // a getter or a proxy that throws
  }
}

function shortened(text: string): string {
  return cut(text, errorBytes);
}
