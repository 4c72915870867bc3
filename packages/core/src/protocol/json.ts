/**
 * JSON as Python and JavaScript both mean it: integers beyond 2^53 keep every digit, `NaN` and `Infinity` are
 * read (Python writes them), and what JSON cannot carry is refused with its path before anything is sent. Pure.
 */
import { isUtf8 } from 'node:buffer';

import { CeleriacError } from '../errors.js';
import type { JsonValue } from '../message.js';
import { parseExactly } from './json-reader.js';

/** Deeper documents are refused: each level costs stack, and nobody writes them by hand. */
export const maxJsonDepth = 64;

/** What plain `JSON.parse` would get wrong: long digit runs, and Python's tokens. */
const needsExactReader = /\d{16}|NaN|Infinity/u;

/** What reads back differently or changes a prototype when copied carelessly. */
const protoKey = '"__proto__"';

/** Half a surrogate pair: UTF-8 has no form for it, so it would arrive as another character. */
const loneSurrogate = /\p{Surrogate}/u;

/** Parses a document. Throws a SyntaxError that says what is wrong and where, and quotes nothing of the document. */
export function parseJson(source: string | Buffer): JsonValue {
  const text = typeof source === 'string' ? source : decodeUtf8(source);
  if (isDeeperThan(text, maxJsonDepth)) throw new SyntaxError(`nested deeper than ${maxJsonDepth} levels`);
  if (needsExactReader.test(text) || text.includes(protoKey)) return parseExactly(text);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return parseExactly(text); // throws as well; V8's error would quote the document, which may hold secrets
  }
}

function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new SyntaxError('not valid UTF-8');
  // A byte order mark is no JSON, but some writers put one.
  return bytes.toString('utf8').replace(/^\uFEFF/u, '');
}

/** Counts brackets outside of strings; cheap, and enough to protect the parser's stack. */
function isDeeperThan(text: string, limit: number): boolean {
  if (text.length < 2 * limit) return false;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index++;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

/**
 * Writes a value. BigInts keep their digits; a Date becomes ISO 8601 text, bytes a `{"__type__":"base64"}` object
 * as Celery writes them; `undefined` members of objects are left out. Throws ERR_NOT_SERIALIZABLE, naming the
 * path, for what JSON cannot carry: NaN, Infinity, `undefined` in a list, functions, symbols, Map, Set, invalid
 * dates, lone surrogates, circular structures. `name` is what the path begins with.
 */
export function stringifyJson(value: unknown, name = 'value'): string {
  return write(value, { path: [name], seen: new Set() });
}

interface Position {
  readonly path: (string | number)[];
  readonly seen: Set<object>;
}

function write(value: unknown, at: Position): string {
  switch (typeof value) {
    case 'string':
      return text(value, at);
    case 'number':
      if (!Number.isFinite(value)) throw refused(at, String(value));
      return Object.is(value, -0) ? '-0.0' : String(value);
    case 'bigint':
      return value.toString();
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : structure(value, at);
    case 'undefined':
    case 'function':
    case 'symbol':
      throw refused(at, typeof value);
  }
}

function text(value: string, at: Position): string {
  if (loneSurrogate.test(value)) throw refused(at, 'text with half a surrogate pair');
  return JSON.stringify(value);
}

function structure(value: object, at: Position): string {
  if (at.seen.has(value)) throw refused(at, 'circular');
  // The message's own list around it is a level too.
  if (at.path.length >= maxJsonDepth) throw refused(at, `nested deeper than ${maxJsonDepth} levels`);
  if (value instanceof Date) return date(value, at);
  if (value instanceof Uint8Array)
    return `{"__type__":"base64","__value__":"${Buffer.from(value).toString('base64')}"}`;
  if (value instanceof Map || value instanceof Set)
    throw refused(at, value instanceof Map ? 'a Map' : 'a Set');
  at.seen.add(value);
  const written = Array.isArray(value) ? list(value, at) : object(value as Record<string, unknown>, at);
  at.seen.delete(value);
  return written;
}

function date(value: Date, at: Position): string {
  if (Number.isNaN(value.getTime())) throw refused(at, 'an invalid Date');
  return `"${value.toISOString()}"`;
}

function list(values: readonly unknown[], at: Position): string {
  const items: string[] = [];
  for (let index = 0; index < values.length; index++) items.push(inside(values[index], index, at));
  return `[${items.join(',')}]`;
}

function object(value: Record<string, unknown>, at: Position): string {
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return inside((toJSON as () => unknown).call(value), 'toJSON()', at);
  // Promise, Error, RegExp, ArrayBuffer, boxed values: JSON.stringify makes `{}` of them, which helps nobody.
  const tag = Object.prototype.toString.call(value);
  if (tag !== '[object Object]') throw refused(at, `of type ${tag.slice(8, -1)}`);
  const members: string[] = [];
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    members.push(`${text(key, at)}:${inside(member, key, at)}`);
  }
  return `{${members.join(',')}}`;
}

function inside(value: unknown, key: string | number, at: Position): string {
  if (typeof value === 'object' && value !== null) {
    at.path.push(key);
    const written = write(value, at);
    at.path.pop();
    return written;
  }
  if (typeof value === 'number' && Number.isFinite(value) && value !== 0) return String(value);
  at.path.push(key);
  const written = write(value, at);
  at.path.pop();
  return written;
}

function refused({ path }: Position, what: string): CeleriacError {
  const where = path.reduce<string>((shown, key, index) => {
    if (index === 0) return String(key);
    if (typeof key === 'number') return `${shown}[${key}]`;
    return /^[A-Za-z_$][\w$]*$/u.test(key) ? `${shown}.${key}` : `${shown}[${JSON.stringify(key)}]`;
  }, '');
  return new CeleriacError('ERR_NOT_SERIALIZABLE', {
    message: `${where} is ${what}, which JSON cannot carry.`,
    hint: 'Nothing was sent: convert it first.',
    values: { path: where, what },
  });
}
