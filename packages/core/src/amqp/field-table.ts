/**
 * AMQP field tables, both ways. Reads every type tag RabbitMQ and py-amqp write, with a depth cap, into
 * null-prototype objects; prepares tables for writing so that every peer reads the same number. Knows bytes and
 * tags only: never what a header means.
 *
 * Source: AMQP 0-9-1 §4.2.5 with RabbitMQ's errata (rabbitmq.com/docs/amqp-0-9-1-errata, "Field types"), and
 * py-amqp, which writes `L` for a signed 64-bit integer.
 */
import { isUtf8 } from 'node:buffer';

import { CeleriacError } from '../errors.js';
import { type HeaderTable } from '../ports.js';

/** Deeper tables are refused: a few KiB of header could otherwise overflow the stack. */
const maxDepth = 32;

/** A value with its AMQP type named, as amqplib's encoder understands it. */
interface TypedValue {
  readonly '!': string;
  readonly value: unknown;
}

/** A cursor over bytes that cannot run past their end. */
export class TableReader {
  readonly bytes: Buffer;
  offset: number;

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes;
    this.offset = start;
  }

  /** Claims `length` bytes and returns where they start. */
  take(length: number): number {
    const at = this.offset;
    if (at + length > this.bytes.length) throw new RangeError('a value reaches past the end of the table');
    this.offset = at + length;
    return at;
  }
}

/** Reads the table that starts at `start` with its length. Throws a RangeError or TypeError that says why. */
export function readTable(
  bytes: Buffer,
  start: number,
): { readonly table: HeaderTable; readonly end: number } {
  const reader = new TableReader(bytes, start);
  return { table: table(reader, 0), end: reader.offset };
}

function table(reader: TableReader, depth: number): HeaderTable {
  if (depth > maxDepth) throw new RangeError(`tables are nested deeper than ${maxDepth}`);
  const length = reader.bytes.readUInt32BE(reader.take(4));
  const end = reader.offset + length;
  if (end > reader.bytes.length) throw new RangeError('a table reaches past the end of its frame');
  const fields = Object.create(null) as Record<string, unknown>;
  while (reader.offset < end) {
    const key = shortString(reader);
    fields[key] = value(reader, depth);
  }
  if (reader.offset !== end) throw new RangeError('a value reaches past the end of its table');
  return fields;
}

function array(reader: TableReader, depth: number): unknown[] {
  if (depth > maxDepth) throw new RangeError(`tables are nested deeper than ${maxDepth}`);
  const end = reader.bytes.readUInt32BE(reader.take(4)) + reader.offset;
  if (end > reader.bytes.length) throw new RangeError('an array reaches past the end of its table');
  const items: unknown[] = [];
  while (reader.offset < end) items.push(value(reader, depth));
  if (reader.offset !== end) throw new RangeError('a value reaches past the end of its array');
  return items;
}

/** A string of at most 255 bytes, length first. */
export function shortString(reader: TableReader): string {
  const length = reader.bytes[reader.take(1)] ?? 0;
  const at = reader.take(length);
  return reader.bytes.toString('utf8', at, at + length);
}

function longString(reader: TableReader): string | Buffer {
  const length = reader.bytes.readUInt32BE(reader.take(4));
  const at = reader.take(length);
  const text = reader.bytes.toString('utf8', at, at + length);
  if (!text.includes('\uFFFD')) return text;
  const raw = reader.bytes.subarray(at, at + length);
  return isUtf8(raw) ? text : Buffer.from(raw); // a long string is bytes: what is not text stays bytes
}

type ReadValue = (reader: TableReader, depth: number) => unknown;

const byTag: Readonly<Record<string, ReadValue | undefined>> = {
  t: (r) => r.bytes[r.take(1)] !== 0,
  b: (r) => r.bytes.readInt8(r.take(1)),
  B: (r) => r.bytes.readUInt8(r.take(1)),
  s: (r) => r.bytes.readInt16BE(r.take(2)),
  u: (r) => r.bytes.readUInt16BE(r.take(2)),
  I: (r) => r.bytes.readInt32BE(r.take(4)),
  i: (r) => r.bytes.readUInt32BE(r.take(4)),
  l: (r) => integer(r.bytes.readBigInt64BE(r.take(8))),
  L: (r) => integer(r.bytes.readBigInt64BE(r.take(8))),
  f: (r) => r.bytes.readFloatBE(r.take(4)),
  d: (r) => r.bytes.readDoubleBE(r.take(8)),
  D: (r): TypedValue => {
    const at = r.take(5);
    return {
      '!': 'decimal',
      value: { places: r.bytes.readUInt8(at), digits: r.bytes.readUInt32BE(at + 1) },
    };
  },
  T: (r): TypedValue => ({ '!': 'timestamp', value: integer(r.bytes.readBigUInt64BE(r.take(8))) }),
  S: longString,
  x: (r) => {
    const length = r.bytes.readUInt32BE(r.take(4));
    const at = r.take(length);
    return Buffer.from(r.bytes.subarray(at, at + length)); // a copy: the frame's buffer is not kept alive
  },
  F: (r, depth) => table(r, depth + 1),
  A: (r, depth) => array(r, depth + 1),
  V: () => null,
};

function value(reader: TableReader, depth: number): unknown {
  const code = reader.bytes[reader.take(1)] ?? 0;
  const tag = String.fromCharCode(code);
  const read = Object.hasOwn(byTag, tag) ? byTag[tag] : undefined;
  if (read === undefined) throw new TypeError(`unknown field type 0x${code.toString(16).padStart(2, '0')}`);
  return read(reader, depth);
}

/** A number where it is exact, a BigInt beyond. */
function integer(exact: bigint): number | bigint {
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/**
 * A table for amqplib's encoder. Integers are written as 32-bit `I`, or 64-bit `l` beyond: amqplib's own choice
 * of the smallest type is read differently by older py-amqp (a negative byte as unsigned, a short as text).
 * Throws ERR_NOT_SERIALIZABLE for what AMQP has no type for.
 */
export function writableTable(headers: HeaderTable): Record<string, unknown> {
  return tableOut(headers, 'headers', 0);
}

function tableOut(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  depth: number,
): Record<string, unknown> {
  if (depth > maxDepth) throw notWritable(path, `nested deeper than ${maxDepth} (or circular)`);
  const out = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const item = fields[key];
    if (item === undefined) continue;
    if (Buffer.byteLength(key) > 255)
      throw notWritable(`${path}.${key.slice(0, 40)}…`, 'a key over 255 bytes');
    out[key] = valueOut(item, `${path}.${key}`, depth);
  }
  return out;
}

function valueOut(item: unknown, path: string, depth: number): unknown {
  switch (typeof item) {
    case 'string':
    case 'boolean':
      return item;
    case 'number':
      return numberOut(item, path);
    case 'bigint':
      return integerOut(item, path);
    case 'object':
      return objectOut(item, path, depth);
    default:
      throw notWritable(path, typeof item);
  }
}

function numberOut(item: number, path: string): TypedValue {
  if (!Number.isInteger(item)) return { '!': 'double', value: item };
  if (item >= -0x8000_0000 && item <= 0x7fff_ffff) return { '!': 'int', value: item };
  return Number.isSafeInteger(item) ? integerOut(BigInt(item), path) : { '!': 'double', value: item };
}

function integerOut(item: bigint, path: string): TypedValue {
  if (BigInt.asIntN(64, item) !== item) throw notWritable(path, 'an integer beyond 64 bits');
  const small = item >= -0x8000_0000n && item <= 0x7fff_ffffn;
  return small ? { '!': 'int', value: Number(item) } : { '!': 'long', value: item };
}

function objectOut(item: object | null, path: string, depth: number): unknown {
  if (item === null || Buffer.isBuffer(item)) return item;
  if (item instanceof Date) return { '!': 'timestamp', value: Math.floor(item.getTime() / 1000) };
  if (item instanceof Uint8Array) return Buffer.from(item);
  if (Array.isArray(item)) {
    if (depth > maxDepth) throw notWritable(path, `nested deeper than ${maxDepth} (or circular)`);
    return item.map((one: unknown, index) => valueOut(one ?? null, `${path}[${index}]`, depth + 1));
  }
  if (isTyped(item)) return item;
  return tableOut(item as Record<string, unknown>, path, depth + 1);
}

/** Timestamps and decimals as `readTable` gives them. Anything else with a `!` key is a table like any other. */
function isTyped(item: object): boolean {
  if (!Object.hasOwn(item, '!') || Object.keys(item).length !== 2) return false;
  const { '!': type, value: inner } = item as TypedValue;
  return (
    (type === 'timestamp' && (typeof inner === 'number' || typeof inner === 'bigint')) ||
    (type === 'decimal' && typeof inner === 'object' && inner !== null)
  );
}

function notWritable(path: string, what: string): CeleriacError {
  return new CeleriacError('ERR_NOT_SERIALIZABLE', {
    message: `${path} is ${what}, which an AMQP header cannot carry.`,
    hint: 'Use text, numbers, booleans, null, bytes, lists or plain objects in headers.',
    values: { path },
  });
}
