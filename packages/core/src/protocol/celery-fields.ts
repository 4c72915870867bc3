/**
 * Celery's field names, and reading them from a header table or a body without trusting it. Pure; throws Malformed.
 */
import type { TaskMessage } from '../message.js';
import type { HeaderTable } from '../ports.js';
import { Malformed } from './received.js';
import { parseIsoTime } from './iso-time.js';

/** Everything Celery or kombu puts into the table; the rest is the sender's own. */
export const celeryHeaders: ReadonlySet<string> = new Set([
  'lang',
  'task',
  'id',
  'shadow',
  'eta',
  'expires',
  'group',
  'group_index',
  'retries',
  'timelimit',
  'root_id',
  'parent_id',
  'argsrepr',
  'kwargsrepr',
  'origin',
  'ignore_result',
  'replaced_task_nesting',
  'stamped_headers',
  'stamps',
  'meth',
  'compression',
]);

/** Names of tasks and ids travel as AMQP short strings elsewhere (correlation id), which hold 255 bytes. */
const maxNameBytes = 255;

/** A required name or id. */
export function requiredName(table: HeaderTable, key: string): string {
  const value = table[key];
  if (typeof value !== 'string' || value === '')
    throw new Malformed('bad-field', `'${key}' is ${shown(value)}, not text`);
  if (Buffer.byteLength(value) > maxNameBytes)
    throw new Malformed('bad-field', `'${key}' has over ${maxNameBytes} bytes`);
  return value;
}

/** Text, or undefined for null and absent. */
export function optionalText(table: HeaderTable, key: string): string | undefined {
  const value = table[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string') throw new Malformed('bad-field', `'${key}' is ${shown(value)}, not text`);
  return value;
}

/** A whole number of at least 0, or undefined for null and absent. */
export function optionalCount(table: HeaderTable, key: string): number | undefined {
  const value = table[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Malformed('bad-field', `'${key}' is ${shown(value)}, not a whole number`);
}

/** A moment in milliseconds, or undefined for null and absent. Text only: Celery writes nothing else. */
export function optionalMoment(table: HeaderTable, key: string, timeZone: string): number | undefined {
  const value = optionalText(table, key);
  if (value === undefined) return undefined;
  const moment = parseIsoTime(value, timeZone);
  if (moment === undefined)
    throw new Malformed('bad-field', `'${key}' is '${value.slice(0, 100)}', not an ISO 8601 time`);
  return moment;
}

/** `[hard, soft]` in seconds; null for either, or for both. */
export function timeLimit(table: HeaderTable): { hard?: number; soft?: number } {
  const value = table.timelimit;
  if (value === undefined || value === null) return {};
  if (!Array.isArray(value))
    throw new Malformed('bad-field', `'timelimit' is ${shown(value)}, not [hard, soft]`);
  const [hard, soft] = value as unknown[];
  return { ...limit('hard', hard), ...limit('soft', soft) };
}

function limit(name: 'hard' | 'soft', value: unknown): { hard?: number; soft?: number } {
  if (value === undefined || value === null) return {};
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return { [name]: value };
  throw new Malformed('bad-field', `the ${name} time limit is ${shown(value)}, not seconds`);
}

/** A short description of a foreign value for an error text. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `text '${value.slice(0, 40)}'`;
  return typeof value === 'number' || typeof value === 'bigint' ? `the number ${value}` : typeof value;
}

type CommonFields = Pick<
  TaskMessage,
  'id' | 'retries' | 'timeLimit' | 'eta' | 'expires' | 'group' | 'groupIndex'
>;

/** What both protocols have, there in the headers, here in the body. */
export function commonFields(table: HeaderTable, id: string, timeZone: string): CommonFields {
  return {
    id,
    retries: optionalCount(table, 'retries') ?? 0,
    timeLimit: timeLimit(table),
    ...defined({
      eta: optionalMoment(table, 'eta', timeZone),
      expires: optionalMoment(table, 'expires', timeZone),
      group: optionalText(table, 'group'),
      groupIndex: optionalCount(table, 'group_index'),
    }),
  };
}

export function argsOf(args: unknown): readonly unknown[] {
  if (args === undefined || args === null) return [];
  if (Array.isArray(args)) return args;
  throw new Malformed('bad-field', `its args are ${shown(args)}, not a list`);
}

export function kwargsOf(kwargs: unknown): Record<string, unknown> {
  if (kwargs === undefined || kwargs === null) return {};
  if (isMap(kwargs)) return kwargs;
  throw new Malformed('bad-field', `its kwargs are ${shown(kwargs)}, not an object`);
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What RabbitMQ adds on the way: how a message died before, and how often it was delivered. */
export function isBrokerHeader(name: string): boolean {
  return /^x-(death$|first-death-|last-death-|delivery-count$|acquired-count$)/u.test(name);
}

/** The sender's own headers. */
export function ownHeaders(headers: HeaderTable): HeaderTable {
  let own: Record<string, unknown> | undefined;
  for (const name of Object.keys(headers)) {
    if (celeryHeaders.has(name) || isBrokerHeader(name)) continue;
    own ??= Object.create(null) as Record<string, unknown>;
    own[name] = headers[name];
  }
  return own ?? {};
}

/** Without the members that are undefined: exact optional properties are absent, not undefined. */
export function defined<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: Record<string, unknown> = {};
  for (const key in values) if (values[key] !== undefined) kept[key] = values[key];
  return kept as never;
}
