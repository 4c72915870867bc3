/**
 * Reads and writes methods by their definitions. Pure. Writing gives text of one character per byte (Latin-1), which
 * is turned into bytes once per message.
 */
import { isUtf8 } from 'node:buffer';

import {
  long,
  longlong,
  octet,
  readShortString,
  readTable,
  short,
  shortString,
  TableReader,
  writeTable,
} from '@celeriac/core';

import {
  type FieldType,
  type Method,
  type MethodDefinition,
  type MethodFields,
  type MethodName,
  methods,
} from './methods.js';

const byId = new Map<number, MethodDefinition>();
const byName = new Map<MethodName, MethodDefinition>();
for (const definition of methods) {
  byId.set(definition.classId * 0x1_0000 + definition.methodId, definition);
  byName.set(definition.name, definition);
}

function definitionOf(name: MethodName): MethodDefinition {
  return byName.get(name) as MethodDefinition;
}

/** Ids of a method, for the reply that closes a channel or a connection because of it. */
export function idsOf(name: MethodName): { classId: number; methodId: number } {
  const { classId, methodId } = definitionOf(name);
  return { classId, methodId };
}

/** A method that cannot be read: its ids, where they are known, go into the reply. */
export class MethodError extends Error {
  readonly classId: number;
  readonly methodId: number;

  constructor(message: string, classId: number, methodId: number) {
    super(message);
    this.classId = classId;
    this.methodId = methodId;
  }
}

/** A name that is no text, in RabbitMQ's words, to which that is a broken frame. */
export class TextError extends TypeError {}

/** Reads a method frame's payload. Throws a MethodError or a TextError. */
export function decodeMethod(payload: Buffer): Method {
  const id = payload.length >= 4 ? payload.readUInt32BE(0) : 0;
  const definition = byId.get(id);
  const [classId, methodId] = [id >>> 16, id & 0xffff];
  if (definition === undefined) throw new MethodError('unknown method', classId, methodId);
  try {
    return { name: definition.name, fields: readFields(definition, payload) } as Method;
  } catch (error) {
    if (error instanceof TextError) throw error;
    throw new MethodError((error as Error).message, classId, methodId);
  }
}

function readFields({ fields }: MethodDefinition, payload: Buffer): Record<string, unknown> {
  const reader = new TableReader(payload, 4);
  const values: Record<string, unknown> = {};
  let bit = 8;
  let bits = 0;
  for (const [name, type] of fields) {
    if (type !== 'bit') {
      bit = 8;
      values[name] = readField(reader, type);
      continue;
    }
    if (bit === 8) {
      bits = payload.readUInt8(reader.take(1));
      bit = 0;
    }
    values[name] = ((bits >> bit++) & 1) === 1;
  }
  return values;
}

function readField(reader: TableReader, type: Exclude<FieldType, 'bit'>): unknown {
  const { bytes } = reader;
  switch (type) {
    case 'octet':
      return bytes.readUInt8(reader.take(1));
    case 'short':
      return bytes.readUInt16BE(reader.take(2));
    case 'long':
      return bytes.readUInt32BE(reader.take(4));
    case 'longlong':
      return Number(bytes.readBigUInt64BE(reader.take(8)));
    case 'shortstr':
      return readText(reader);
    case 'longstr': {
      const length = bytes.readUInt32BE(reader.take(4));
      const at = reader.take(length);
      return bytes.subarray(at, at + length);
    }
    case 'table': {
      const { table, end } = readTable(bytes, reader.offset);
      reader.offset = end;
      return table;
    }
  }
}

/** Other bytes than UTF-8 would come out as other bytes, and may then be too many. */
function readText(reader: TableReader): string {
  const at = reader.offset + 1;
  const text = readShortString(reader);
  if (text.includes('\uFFFD') && !isUtf8(reader.bytes.subarray(at, reader.offset)))
    throw new TextError('Malformed UTF-8 in shortstr');
  return text;
}

/** A method as the payload of its frame. */
export function encodeMethod<Name extends MethodName>(name: Name, fields: MethodFields<Name>): string {
  const definition = definitionOf(name);
  const values = fields as Readonly<Record<string, unknown>>;
  let text = short(definition.classId) + short(definition.methodId);
  let bits = 0;
  let bit = 0;
  for (const [field, type] of definition.fields) {
    if (type === 'bit') {
      if (values[field] === true) bits |= 1 << bit;
      bit++;
      continue;
    }
    if (bit > 0) text += octet(bits);
    bits = bit = 0;
    text += writeField(values[field], type, field);
  }
  return bit > 0 ? text + octet(bits) : text;
}

function writeField(value: unknown, type: Exclude<FieldType, 'bit'>, name: string): string {
  switch (type) {
    case 'octet':
      return octet(value as number);
    case 'short':
      return short(value as number);
    case 'long':
      return long(value as number);
    case 'longlong':
      return longlong(value as number);
    case 'shortstr':
      return shortString(value as string, name);
    case 'longstr':
      return long((value as Buffer).length) + (value as Buffer).toString('latin1');
    case 'table':
      return writeTable(value as Readonly<Record<string, unknown>>, name);
  }
}
