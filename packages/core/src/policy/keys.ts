/** From an input to a key. Pure. */
import { createHash } from 'node:crypto';

import type { KeyOf } from './key-options.js';
import { CeleriacError } from '../errors.js';

/** Longer ones are kept as their digest: they come from data. */
const longestBytes = 200;

/** Throws ERR_INPUT_INVALID where that makes no key, and what the function throws. */
export function keyOfInput(of: KeyOf<never>, input: unknown): string {
  const value: unknown = typeof of === 'function' ? of(input as never) : valueAtPath(of, input);
  if (typeof value === 'string' && value !== '') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value);
  const how = typeof of === 'function' ? 'The function for the key' : `The path '${of}' for the key`;
  const found = value === '' ? 'an empty text' : value === null ? 'null' : typeof value;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: `${how} gives ${found}, which is no key.`,
    hint: 'A key is text, a number or a boolean.',
  });
}

/** A key of the whole input: the same for equal values, in whatever order their properties stand. */
export function keyOfWhole(input: unknown): string {
  const text: unknown = JSON.stringify(input, inOrder); // undefined for undefined
  return digest(typeof text === 'string' ? text : '');
}

/** Keys of different tasks, or applications, do not meet. */
export function scopedKey(scope: string, key: string): string {
  return `${scope}:${Buffer.byteLength(key) > longestBytes ? digest(key) : key}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** What is at a dotted path of own properties; undefined where there is nothing. */
export function valueAtPath(path: string, input: unknown): unknown {
  return path.split('.').reduce<unknown>((value, step) => {
    const isInside = typeof value === 'object' && value !== null && Object.hasOwn(value, step);
    return isInside ? (value as Record<string, unknown>)[step] : undefined;
  }, input);
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
