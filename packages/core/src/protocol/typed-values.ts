/**
 * Kombu's JSON type extensions (5.3 and later): an object of exactly `__type__` and `__value__` stands for a Python
 * value. Read into what JavaScript has; unknown types stay as they came. Pure.
 *
 * Source: kombu/utils/json.py; the table is in docs/protocol.md.
 */
import { parseIsoTime } from './iso-time.js';

/** Replaces typed objects anywhere in a document. */
export function fromTypedJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromTypedJson);
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value);
  const { __type__: type, __value__: held } = value as Record<string, unknown>;
  if (keys.length === 2 && typeof type === 'string' && keys.includes('__value__')) {
    return typed(type, held) ?? value;
  }
  const members: Record<string, unknown> = {};
  for (const key of keys) {
    const member = fromTypedJson((value as Record<string, unknown>)[key]);
    // Defined, not assigned: assigning `__proto__` would set the prototype.
    Object.defineProperty(members, key, {
      value: member,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return members;
}

/** Undefined when it cannot be read as the type says. */
function typed(type: string, held: unknown): unknown {
  if (type === 'uuid') return uuid(held);
  if (typeof held !== 'string') return undefined;
  switch (type) {
    case 'datetime':
      return moment(held);
    case 'date':
    case 'time':
    case 'decimal':
      return held; // JavaScript has no such types: the text loses nothing
    case 'bytes':
      return Buffer.from(held);
    case 'base64':
      return Buffer.from(held, 'base64');
    default:
      return undefined;
  }
}

/** A moment with an offset is a Date; without one it is nobody's moment, and stays text. */
function moment(text: string): Date | string {
  const ms = /(?:Z|[+-]\d\d:?\d\d)$/u.test(text) ? parseIsoTime(text) : undefined;
  return ms === undefined ? text : new Date(ms);
}

function uuid(held: unknown): string | undefined {
  const hex = typeof held === 'object' && held !== null ? (held as { hex?: unknown }).hex : undefined;
  if (typeof hex !== 'string' || !/^[0-9a-f]{32}$/u.test(hex)) return undefined;
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}
