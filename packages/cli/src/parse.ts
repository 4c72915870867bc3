/** Option values: strict, so that a typing error never becomes another meaning. Pure; throws UsageError. */
import { errorText, parseDuration, parseJson } from '@celeriac/core';

import { UsageError } from './exit-codes.js';

/** A whole number from `least` to `most`, in plain decimal digits. */
export function wholeNumber(option: string, least: number, most?: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/u.test(text) ? Number(text) : NaN;
    if (value >= least && value <= (most ?? value)) return value;
    const range = most === undefined ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new UsageError(`${option} takes a whole number ${range} in decimal digits, not '${text}'`);
  };
}

/** A duration, as in `500ms` or `10s`; a plain number is seconds. Returned with its unit. */
export function duration(option: string): (text: string) => string {
  return (text) => {
    const written = /^[\d.]+$/u.test(text) ? `${text}s` : text;
    try {
      parseDuration(written);
      return written;
    } catch (error) {
      throw new UsageError(`${option}: ${errorText(error)}`);
    }
  };
}

/** `10/s`: a number per second. */
export function rate(option: string): (text: string) => number {
  return (text) => {
    const value = Number(/^(\d{1,6}(?:\.\d{1,3})?)\/s$/u.exec(text)?.[1] ?? NaN);
    if (value > 0) return value;
    throw new UsageError(`${option} takes a number per second, as in 10/s, not '${text}'`);
  };
}

/** Collects `-Q a,b -Q c`: names separated by commas, blanks around them ignored. */
export function queueNames(text: string, before: readonly string[] = []): readonly string[] {
  const names = text.split(',').map((name) => name.trim());
  const bad = names.find((name) => name === '' || /\s/u.test(name));
  if (bad !== undefined) {
    const what = bad === '' ? 'an empty name' : `'${bad}', which has a blank in it`;
    throw new UsageError(`--queues takes names separated by commas; '${text}' holds ${what}`);
  }
  return [...new Set([...before, ...names])];
}

/** `task-failed,worker-*`: types of events, or patterns of them. */
export function eventTypes(text: string): readonly string[] {
  const types = text.split(',').map((type) => type.trim());
  const bad = types.find((type) => !/^[a-z*][\w*-]*$/iu.test(type));
  if (bad === undefined) return types;
  throw new UsageError(`--types takes types of events, as in task-failed,worker-*; '${bad}' is none`);
}

/** JSON, as the wire reads it: big integers keep their digits. */
export function json(option: string): (text: string) => unknown {
  return (text) => {
    try {
      return parseJson(text);
    } catch (error) {
      throw new UsageError(`${option} takes JSON: ${errorText(error)}`);
    }
  };
}

/** A JSON list. */
export function jsonList(option: string): (text: string) => readonly unknown[] {
  return (text) => {
    const value = json(option)(text);
    if (Array.isArray(value)) return value as unknown[];
    throw new UsageError(`${option} takes a JSON list, as in '[1, "two"]'`);
  };
}

/** A JSON object. */
export function jsonObject(option: string): (text: string) => Record<string, unknown> {
  return (text) => {
    const value = json(option)(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    throw new UsageError(`${option} takes a JSON object, as in '{"id": 7}'`);
  };
}

/** One of the words. */
export function oneOf<Word extends string>(option: string, words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw new UsageError(`${option} takes ${words.join(', ')}, not '${text}'`);
  };
}

/** Collects a repeated option. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
