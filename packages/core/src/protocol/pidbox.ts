/**
 * Messages of Celery's remote control (kombu's pidbox): requests to workers and their replies, to bytes and back.
 * Decoders never throw: whoever reaches the exchange can send anything. Sends nothing.
 *
 * Source: kombu/pidbox.py, celery/app/control.py; captured from 5.2.6 and 5.6.3. The ticket of a request is in its
 * body, that of a reply in its headers.
 */
import { CeleriacError, errorText } from '../errors.js';
import type { HeaderTable, MessageProperties } from '../ports.js';
import { isMap } from './celery-fields.js';
import { parseJson, stringifyJson } from './json.js';
import type { EncodedMessage, Received } from './received.js';

/** Where replies are to go. */
export interface ReplyAddress {
  readonly exchange: string;
  readonly routingKey: string;
}

export interface ControlRequest {
  readonly method: string;
  /** By name, as for a Python function's keywords. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Only these nodes; undefined is all. */
  readonly destination?: readonly string[] | undefined;
  /** Only nodes whose names match. `pcre` is Python's `re.match`. */
  readonly pattern?: { readonly text: string; readonly matcher: 'glob' | 'pcre' } | undefined;
  /** Absent: nobody waits for a reply. */
  readonly replyTo?: ReplyAddress | undefined;
  readonly ticket?: string | undefined;
  /** Lamport clock of the sender. */
  readonly clock?: number | undefined;
}

export interface ControlReply {
  readonly ticket: string | undefined;
  readonly clock: number | undefined;
  /** One a message, as a rule: the node's name and what it answered. */
  readonly answers: readonly { readonly node: string; readonly value: unknown }[];
}

export type DecodedControl<T> =
  { readonly ok: true; readonly message: T } | { readonly ok: false; readonly problem: string };

/** Python sends kilobytes; the revoked tasks of a worker that says hello are megabytes at most. */
const mostBytes = 8 * 2 ** 20;
const mostName = 255;

/** `expires` is when the sender stops waiting, seconds since the epoch; workers do not look at it. */
export function encodeControlRequest(
  request: ControlRequest,
  { id, expires = 0 }: { readonly id: string; readonly expires?: number },
): EncodedMessage {
  const { method, args, destination, pattern, replyTo, ticket, clock = 0 } = request;
  const body = {
    method,
    arguments: args,
    destination: destination ?? null,
    pattern: pattern?.text ?? null,
    matcher: pattern?.matcher ?? null,
    ...(ticket === undefined ? {} : { ticket }),
    ...(replyTo === undefined
      ? {}
      : { reply_to: { exchange: replyTo.exchange, routing_key: replyTo.routingKey } }),
  };
  return encoded(body, { id, headers: { clock, expires } });
}

export function encodeControlReply(
  answer: { readonly node: string; readonly value: unknown },
  { id, ticket, clock }: { readonly id: string; readonly ticket: string | undefined; readonly clock: number },
): EncodedMessage {
  return encoded(
    { [answer.node]: answer.value },
    { id, headers: { ...(ticket === undefined ? {} : { ticket }), clock } },
  );
}

function encoded(body: unknown, { id, headers }: { id: string; headers: HeaderTable }): EncodedMessage {
  const properties: MessageProperties & { readonly messageId: string } = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    messageId: id,
    headers,
  };
  return { body: Buffer.from(stringifyJson(body)), properties };
}

export function decodeControlRequest(received: Received): DecodedControl<ControlRequest> {
  return decoding(received, (body, headers) => {
    const { method, arguments: args, reply_to: replyTo, ticket } = body;
    return {
      method: name('method', method),
      args: isMap(args) ? args : {},
      destination: nodes(body.destination),
      pattern: patternOf(body),
      replyTo: addressOf(replyTo),
      ticket: typeof ticket === 'string' ? ticket.slice(0, mostName) : undefined,
      clock: clockOf(headers),
    };
  });
}

export function decodeControlReply(received: Received): DecodedControl<ControlReply> {
  return decoding(received, (body, headers) => ({
    ticket: typeof headers.ticket === 'string' ? headers.ticket : undefined,
    clock: clockOf(headers),
    answers: Object.entries(body).map(([node, value]) => ({ node, value })),
  }));
}

function decoding<T>(
  { properties, body, headerError }: Received,
  read: (body: Record<string, unknown>, headers: HeaderTable) => T,
): DecodedControl<T> {
  try {
    if (headerError !== undefined) throw wrong(`its headers cannot be read (${headerError})`);
    if (properties.contentType !== 'application/json') throw wrong('it is not JSON');
    if (body.length > mostBytes) throw wrong(`it has ${body.length} bytes`);
    const document = parseJson(body);
    if (!isMap(document)) throw wrong('it is not a JSON object');
    return { ok: true, message: read(document, properties.headers ?? {}) };
  } catch (error) {
    return { ok: false, problem: errorText(error) };
  }
}

function wrong(problem: string): CeleriacError {
  return new CeleriacError('ERR_MESSAGE_MALFORMED', { message: problem });
}

function name(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= mostName) return value;
  throw wrong(`its field '${field}' is no name`);
}

/** An empty list is nobody in particular: all, as in kombu. */
function nodes(value: unknown): readonly string[] | undefined {
  const list: unknown[] = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
  return list.length === 0 ? undefined : list.filter((one) => typeof one === 'string');
}

function patternOf({ pattern: text, matcher }: Record<string, unknown>): ControlRequest['pattern'] {
  if (typeof text !== 'string' || typeof matcher !== 'string') return undefined;
  if (matcher !== 'glob' && matcher !== 'pcre') throw wrong('its matcher is unknown');
  return { text, matcher };
}

function addressOf(value: unknown): ReplyAddress | undefined {
  if (!isMap(value)) return undefined;
  const { exchange, routing_key: routingKey } = value;
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
  return Buffer.byteLength(routingKey) <= mostName ? { exchange, routingKey } : undefined;
}

/** Half of what a double counts exactly: a clock goes on from there, and must not stand still. */
function clockOf({ clock }: HeaderTable): number | undefined {
  const isClock = typeof clock === 'number' && Number.isSafeInteger(clock) && clock >= 0 && clock < 2 ** 52;
  return isClock ? clock : undefined;
}
