/** Option values: strict, so that a typing error never becomes another meaning. Pure; throws UsageError. */
import { parseJson } from '@celeriac/core';

import { UsageError } from './exit-codes.js';

/** A whole number of at least `least`, in plain decimal digits. */
export function wholeNumber(option: string, least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/u.test(text) ? Number(text) : NaN;
    if (value >= least) return value;
    throw new UsageError(
      `${option} takes a whole number of at least ${least} in decimal digits, not '${text}'`,
    );
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

/** JSON, as the wire reads it: big integers keep their digits. */
export function json(option: string): (text: string) => unknown {
  return (text) => {
    try {
      return parseJson(text);
    } catch (error) {
      throw new UsageError(`${option} takes JSON: ${(error as Error).message}`);
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
