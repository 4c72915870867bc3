/**
 * Reads AMQP field tables: every type tag RabbitMQ and py-amqp write, with a depth cap, into null-prototype
 * objects. Knows bytes and tags only: never what a header means.
 *
 * Source: AMQP 0-9-1 §4.2.5 with RabbitMQ's errata (rabbitmq.com/docs/amqp-0-9-1-errata, "Field types"), and
 * py-amqp, which writes `L` for a signed 64-bit integer.
 */
import { isUtf8 } from 'node:buffer';

import type { HeaderTable } from '../ports.js';
import { recurringText } from './recurring-text.js';

/** Deeper tables are refused: a few KiB of header could otherwise overflow the stack. */
const maxDepth = 32;

/** A value with its AMQP type named, for what JavaScript has no type of. */
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
  // `Object.create(null)` would be a dictionary: three times as slow to fill and to read.
  const fields = Object.setPrototypeOf({}, null) as Record<string, unknown>;
  while (reader.offset < end) {
    const key = recurringString(reader);
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

/** A short string that is most likely the one of the last message. */
export function recurringString(reader: TableReader): string {
  const length = reader.bytes[reader.take(1)] ?? 0;
  return recurringText(reader.bytes, reader.take(length), length);
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

const byTag: Readonly<Record<string, ReadValue>> = {
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

/** By the tag's code. */
const readers: readonly (ReadValue | undefined)[] = Array.from({ length: 256 }, (_, code) =>
  new Map(Object.entries(byTag)).get(String.fromCharCode(code)),
);

function value(reader: TableReader, depth: number): unknown {
  const code = reader.bytes[reader.take(1)] ?? 0;
  const read = readers[code];
  if (read === undefined) throw new TypeError(`unknown field type 0x${code.toString(16).padStart(2, '0')}`);
  return read(reader, depth);
}

/** A number where it is exact, a BigInt beyond. */
function integer(exact: bigint): number | bigint {
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}
