/**
 * Compares what was sent with what a test expects: the members it names, and no others. Both sides are compared as
 * the wire carries them, so a Date equals its text. Pure.
 */
import { inspect, isDeepStrictEqual } from 'node:util';

import { parseJson, stringifyJson } from '@celeriac/core';

/** Any of the members, at any depth. Lists are compared whole, item by item. */
export type Partially<T> = unknown extends T
  ? unknown
  : T extends readonly (infer Item)[]
    ? readonly Partially<Item>[]
    : T extends Date | bigint | string | number | boolean | null | undefined
      ? T
      : { readonly [Key in keyof T]?: Partially<T[Key]> };

/** What a test expects: members, or a function that says whether it fits. */
export type Expected<T> = Partially<T> | ((actual: T) => boolean);

/** Where `actual` is not as expected: one line each, empty when it fits. `undefined` expects nothing. */
export function differences(expected: unknown, actual: unknown): readonly string[] {
  if (expected === undefined) return [];
  if (typeof expected === 'function') {
    const fits = (expected as (actual: unknown) => unknown)(actual);
    return fits === true ? [] : ['the function given says that it does not fit'];
  }
  return differ(asCarried(expected), asCarried(actual), '');
}

/** One line, however large. */
export function shown(value: unknown): string {
  return inspect(value, {
    depth: 5,
    breakLength: Infinity,
    maxArrayLength: 20,
    maxStringLength: 200,
    sorted: false,
  });
}

function asCarried(value: unknown): unknown {
  return value === undefined ? undefined : parseJson(stringifyJson(value, 'expected'));
}

function differ(expected: unknown, actual: unknown, path: string): readonly string[] {
  if (Array.isArray(expected) && Array.isArray(actual) && expected.length === actual.length) {
    return expected.flatMap((item, index) => differ(item, actual[index], `${path}[${index}]`));
  }
  if (isMap(expected) && isMap(actual)) {
    return Object.keys(expected).flatMap((key) =>
      differ(expected[key], actual[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (isDeepStrictEqual(expected, actual)) return [];
  return [`${path === '' ? '' : `${path}: `}expected ${shown(expected)}, was ${shown(actual)}`];
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
