/**
 * Celery's events of workers and tasks: to bytes and back. Decoding never throws: whoever reaches the exchange can send
 * anything. Sends nothing.
 *
 * Source: celery/events/dispatcher.py and receiver.py, celery/worker/request.py; captured from 5.2.6 and 5.6.3. Task
 * events of a worker travel as a list under `task.multi`, all others one by one under their type.
 */
import { CeleriacError, errorText } from '../errors.js';
import type { TaskMessage } from '../message.js';
import type { HeaderTable, MessageProperties, TransientMessage } from '../ports.js';
import { isMap } from './celery-fields.js';
import { encodeException, encodeTrace } from './exception.js';
import { formatIsoTime } from './iso-time.js';
import { parseJson, stringifyJson } from './json.js';
import { argsRepr, hiddenArgs, hiddenKwargs, kwargsRepr, valueRepr } from './python-repr.js';
import type { Received } from './received.js';

/** One event, field for field as it travels. */
export interface MonitoringEvent {
  /** `task-received`, `worker-heartbeat`. */
  readonly type: string;
  /** Name of the worker; of a sender, `gen<pid>@<host>`. */
  readonly hostname: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  /** Lamport clock of whoever tells it. */
  readonly clock: number;
  readonly [field: string]: unknown;
}

/** What an event has beside the fields that all of them have. */
export type EventFields = Readonly<Record<string, unknown>>;

export interface EventSource {
  readonly hostname: string;
  readonly pid: number;
  /** The next value of its Lamport clock. */
  readonly forward: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Every event has these, whatever it is about. */
export function monitoringEvent(type: string, fields: EventFields, source: EventSource): MonitoringEvent {
  const { hostname, pid, forward, now } = source;
  const ms = now();
  const common = { hostname, utcoffset: utcOffset(ms), pid, clock: forward() };
  return { ...common, ...fields, timestamp: ms / 1000, type };
}

/** Whole hours west of UTC, as Python's `time.timezone // 3600`. */
function utcOffset(ms: number): number {
  return Math.floor(new Date(ms).getTimezoneOffset() / 60);
}

type Encoded = Omit<TransientMessage, 'exchange'>;

/** One by one, under its type. */
export function encodeMonitoringEvent(event: MonitoringEvent): Encoded {
  return encoded(event, { routingKey: event.type.replaceAll('-', '.'), hostname: event.hostname });
}

/** Task events of one worker, together. */
export function encodeTaskEvents(events: readonly MonitoringEvent[]): Encoded {
  return encoded(events, { routingKey: 'task.multi', hostname: events[0]?.hostname ?? '' });
}

function encoded(
  body: unknown,
  { routingKey, hostname }: { readonly routingKey: string; readonly hostname: string },
): Encoded {
  return {
    routingKey,
    body: Buffer.from(stringifyJson(body)),
    properties: {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      priority: 0,
      headers: { hostname },
    },
  };
}

export type DecodedEvents =
  | { readonly ok: true; readonly events: readonly MonitoringEvent[] }
  | { readonly ok: false; readonly problem: string };

const mostBytes = 8 * 2 ** 20;
const longestName = 255;

/** What is no event among others is left out. A missing clock is 0. */
export function decodeMonitoringEvents({ properties, body, headerError }: Received): DecodedEvents {
  try {
    if (headerError !== undefined) throw wrong(`its headers cannot be read (${headerError})`);
    if (properties.contentType !== 'application/json') throw wrong('it is not JSON');
    if (body.length > mostBytes) throw wrong(`it has ${body.length} bytes`);
    const document = parseJson(body);
    const list: readonly unknown[] = Array.isArray(document) ? document : [document];
    return { ok: true, events: list.flatMap(readEvent) };
  } catch (error) {
    return { ok: false, problem: errorText(error) };
  }
}

function readEvent(document: unknown): readonly MonitoringEvent[] {
  if (!isMap(document)) return [];
  const { type, hostname, timestamp, clock } = document;
  if (!isName(type) || !isName(hostname) || !Number.isFinite(timestamp)) return [];
  const known = Number.isSafeInteger(clock) && (clock as number) >= 0 ? (clock as number) : 0;
  return [{ ...document, type, hostname, timestamp: timestamp as number, clock: known }];
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= longestName;
}

function wrong(problem: string): CeleriacError {
  return new CeleriacError('ERR_MESSAGE_MALFORMED', { message: problem });
}

/** `argsrepr` and `kwargsrepr`: as their sender has them shown; what sends none is printed here. */
export function shownArguments(
  { args, kwargs }: TaskMessage,
  { headers = {} }: MessageProperties,
): { readonly args: string; readonly kwargs: string } {
  const { argsrepr, kwargsrepr } = headers;
  return {
    args: typeof argsrepr === 'string' ? cut(argsrepr) : argsRepr(args),
    kwargs: typeof kwargsrepr === 'string' ? cut(kwargsrepr) : kwargsRepr(kwargs),
  };
}

const longestShown = 1024;

function cut(text: string): string {
  return text.length <= longestShown ? text : `${text.slice(0, longestShown - 3)}...`;
}

/** The fields of `task-received`. */
export function receivedFields(
  message: TaskMessage,
  properties: MessageProperties,
  { isSensitive }: { readonly isSensitive: boolean },
): EventFields {
  const { id, task, shadow, rootId, parentId, retries, eta, expires } = message;
  const shown = isSensitive
    ? { args: hiddenArgs, kwargs: hiddenKwargs }
    : shownArguments(message, properties);
  return {
    uuid: id,
    name: shadow ?? task,
    ...shown,
    root_id: rootId,
    parent_id: parentId ?? null,
    retries,
    eta: eta === undefined ? null : formatIsoTime(eta),
    expires: expires === undefined ? null : formatIsoTime(expires),
  };
}

/** The fields that `task-failed` and `task-retried` have beside `uuid`. */
export function failureFields(error: unknown): EventFields {
  const { exc_type: type, exc_message: args } = encodeException(error);
  const given = args.map((one) => valueRepr(one)).join(', ');
  return { exception: cut(`${type}(${given})`), traceback: encodeTrace(error) ?? '' };
}

/** Where a task went. */
export interface SentTo {
  readonly id: string;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** The fields of `task-sent`, from the headers that the message went out with. */
export function sentFields(headers: HeaderTable, { id, queue, exchange, routingKey }: SentTo): EventFields {
  const { root_id, parent_id, shadow, task, argsrepr, kwargsrepr, retries, eta, expires } = headers;
  return {
    uuid: id,
    root_id,
    parent_id,
    name: shadow ?? task,
    args: argsrepr,
    kwargs: kwargsrepr,
    retries,
    eta,
    expires,
    queue,
    exchange,
    routing_key: routingKey,
  };
}
