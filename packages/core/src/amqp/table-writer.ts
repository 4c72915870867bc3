/**
 * Writes AMQP field tables and short strings as text of one character per byte (Latin-1): a message's whole head
 * becomes one such text and is turned into bytes by a single native call, which is several times faster than
 * writing field by field. Knows tags only: never what a header means.
 *
 * Integers are written as 32-bit `I`, or 64-bit `l` beyond: smaller types are read differently by older py-amqp
 * (a negative byte as unsigned, a short as text). Source: AMQP 0-9-1 §4.2.5 with RabbitMQ's errata.
 */
import { CeleriacError } from '../errors.js';
import type { HeaderTable } from '../ports.js';

/** What peers read back: see `table-reader.ts`. */
const maxDepth = 32;

const ascii = /^[\0-\x7f]*$/u;

/** UTF-8 bytes, one character each. */
function bytesOf(text: string): string {
  return ascii.test(text) ? text : Buffer.from(text).toString('latin1');
}

export function octet(value: number): string {
  return String.fromCharCode(value & 0xff);
}

export function short(value: number): string {
  return String.fromCharCode((value >> 8) & 0xff, value & 0xff);
}

export function long(value: number): string {
  return String.fromCharCode(
    (value >>> 24) & 0xff,
    (value >>> 16) & 0xff,
    (value >>> 8) & 0xff,
    value & 0xff,
  );
}

/** A whole number of at least 0. */
export function longlong(value: number): string {
  return long(Math.floor(value / 0x1_0000_0000)) + long(value >>> 0);
}

const scratch = Buffer.alloc(8);

function int64(value: bigint): string {
  scratch.writeBigInt64BE(BigInt.asIntN(64, value));
  return scratch.toString('latin1');
}

function float64(value: number): string {
  scratch.writeDoubleBE(value);
  return scratch.toString('latin1');
}

const loneSurrogate = /\p{Surrogate}/u;

/** Throws ERR_NOT_SERIALIZABLE for what is no text or over 255 bytes. `what` names it. */
export function shortString(text: string, what: string): string {
  // Plain JavaScript passes anything; a frame made of it would cost the connection.
  if (typeof (text as unknown) !== 'string') throw notWritable(what, `a ${typeof text} where text belongs`);
  const bytes = bytesOf(text);
  if (bytes !== text && loneSurrogate.test(text)) throw notWritable(what, 'text with half a surrogate pair');
  if (bytes.length > 255) throw notWritable(what, `text of ${bytes.length} bytes where 255 are the limit`);
  return String.fromCharCode(bytes.length) + bytes;
}

function longString(text: string): string {
  const bytes = bytesOf(text);
  return long(bytes.length) + bytes;
}

/** Names come again with every message. */
const keys = new Map<string, string>();
const mostKeys = 1000;

function keyOf(key: string, path: string): string {
  const known = keys.get(key);
  if (known !== undefined) return known;
  const written = shortString(key, path);
  if (keys.size < mostKeys) keys.set(key, written); // bounded: names may come from outside
  return written;
}

/** A table with its length. Throws ERR_NOT_SERIALIZABLE, naming the path, for what AMQP has no type for. */
export function writeTable(headers: HeaderTable, path = 'headers', depth = 0): string {
  if (depth > maxDepth) throw notWritable(path, `nested deeper than ${maxDepth} (or circular)`);
  let fields = '';
  for (const key of Object.keys(headers)) {
    const value = headers[key];
    if (value !== undefined) fields += keyOf(key, path) + writeValue(value, key, { path, depth });
  }
  return long(fields.length) + fields;
}

interface Place {
  readonly path: string;
  readonly depth: number;
}

function writeValue(value: unknown, key: string | number, place: Place): string {
  switch (typeof value) {
    case 'string':
      return `S${longString(value)}`;
    case 'boolean':
      return value ? 't\x01' : 't\x00';
    case 'number':
      return writeNumber(value);
    case 'bigint':
      return writeBigInt(value, key, place);
    case 'object':
      return value === null ? 'V' : writeObject(value, key, place);
    default:
      throw notWritable(at(place, key), typeof value);
  }
}

function writeNumber(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return `d${float64(value)}`;
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? `I${long(value)}` : `l${int64(BigInt(value))}`;
}

function writeBigInt(value: bigint, key: string | number, place: Place): string {
  if (BigInt.asIntN(64, value) !== value) throw notWritable(at(place, key), 'an integer beyond 64 bits');
  return value >= -0x8000_0000n && value <= 0x7fff_ffffn ? `I${long(Number(value))}` : `l${int64(value)}`;
}

function writeObject(value: object, key: string | number, place: Place): string {
  if (value instanceof Uint8Array) {
    return `x${long(value.length)}${Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1')}`;
  }
  if (value instanceof Date) return writeMoment(Math.floor(value.getTime() / 1000), key, place);
  const inside = { path: at(place, key), depth: place.depth + 1 };
  if (Array.isArray(value)) {
    if (inside.depth > maxDepth)
      throw notWritable(inside.path, `nested deeper than ${maxDepth} (or circular)`);
    let items = '';
    for (const [index, item] of value.entries()) items += writeValue(item ?? null, index, inside);
    return `A${long(items.length)}${items}`;
  }
  return writeTyped(value, key, place) ?? `F${writeTable(value as HeaderTable, inside.path, inside.depth)}`;
}

/** Timestamps and decimals, as the reader gives them. Anything else with a `!` key is a table like any other. */
function writeTyped(value: object, key: string | number, place: Place): string | undefined {
  if (!Object.hasOwn(value, '!')) return undefined;
  const { '!': type, value: held } = value as { '!': unknown; value?: unknown };
  if (type === 'timestamp' && (typeof held === 'number' || typeof held === 'bigint')) {
    return writeMoment(held, key, place);
  }
  if (type !== 'decimal' || typeof held !== 'object' || held === null) return undefined;
  const { places, digits } = held as { places?: unknown; digits?: unknown };
  return typeof places === 'number' && typeof digits === 'number'
    ? `D${octet(places)}${long(digits)}`
    : undefined;
}

function writeMoment(seconds: number | bigint, key: string | number, place: Place): string {
  if (typeof seconds === 'number' && !Number.isSafeInteger(seconds))
    throw notWritable(at(place, key), 'an invalid date');
  return `T${int64(BigInt(seconds))}`;
}

function at({ path }: Place, key: string | number): string {
  return typeof key === 'number' ? `${path}[${key}]` : `${path}.${key}`;
}

export function notWritable(path: string, what: string): CeleriacError {
  return new CeleriacError('ERR_NOT_SERIALIZABLE', {
    message: `${path} is ${what}, which AMQP cannot carry.`,
    hint: 'Use text, numbers, booleans, null, bytes, lists or plain objects in headers, and short names.',
    values: { path },
  });
}
