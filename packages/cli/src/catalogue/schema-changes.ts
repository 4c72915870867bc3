/**
 * What has changed between two versions of a JSON Schema, and who is broken by it: those who read with the new one
 * what was written with the old one, or the other way round. Pure. What it cannot judge counts as both.
 *
 * Source: JSON Schema draft 7; the words backward and forward as schema registries use them.
 */
import { isDeepStrictEqual } from 'node:util';

import {
  added,
  both,
  gone,
  isObject,
  type Json,
  judged,
  keywordChanges,
  objectOf,
  type Pair,
  type SchemaChange,
} from './keyword-changes.js';

/** Finds what a local reference leads to. */
export type Resolve = (ref: string) => unknown;

export interface Versions {
  readonly before: unknown;
  readonly after: unknown;
  /** Of the old and of the new document. */
  readonly resolve: readonly [before: Resolve, after: Resolve];
}

/** Paths are those within the schema. */
export function schemaChanges({ before, after, resolve }: Versions): readonly SchemaChange[] {
  return new Comparison(resolve)
    .changes('', before, after)
    .map((change) => ({ ...change, path: change.path.replace(/^\./u, '') }));
}

class Comparison {
  #resolve: readonly [Resolve, Resolve];
  /** A schema may hold itself. */
  #compared = new Set<string>();

  constructor(resolve: readonly [Resolve, Resolve]) {
    this.#resolve = resolve;
  }

  changes(path: string, one: unknown, other: unknown): SchemaChange[] {
    const refs = [one, other].map((schema) => (isObject(schema) ? schema.$ref : undefined));
    if (refs.some((ref) => typeof ref === 'string')) {
      const pair = JSON.stringify([one, other]);
      if (this.#compared.has(pair)) return [];
      this.#compared.add(pair);
    }
    const [before, after] = [this.#found(one, 0), this.#found(other, 1)];
    if (before === undefined || after === undefined)
      return isDeepStrictEqual(one, other) ? [] : [{ path, what: 'is described otherwise', breaks: both }];
    const pair = { before, after };
    return [
      ...keywordChanges(path, pair),
      ...this.#propertyChanges(path, pair),
      ...this.#othersChanges(path, pair),
      ...this.#itemChanges(path, pair),
      ...['allOf', 'anyOf', 'oneOf'].flatMap((name) => this.#listChanges(path, name, pair)),
      ...this.#unknownChanges(path, pair),
    ];
  }

  /** With `true` as `{}`. Undefined for `false`, and for references that lead nowhere. */
  #found(schema: unknown, side: 0 | 1): Json | undefined {
    let found = schema;
    for (let hops = 0; hops < 20 && isObject(found) && typeof found.$ref === 'string'; hops++) {
      found = this.#resolve[side](found.$ref);
    }
    if (found === true) return {};
    return isObject(found) && found.$ref === undefined ? found : undefined;
  }

  #propertyChanges(path: string, { before, after }: Pair): SchemaChange[] {
    const [old, now] = [objectOf(before.properties), objectOf(after.properties)];
    const gone = Object.keys(old).filter((name) => !Object.hasOwn(now, name));
    const fresh = Object.keys(now).filter((name) => !Object.hasOwn(old, name));
    const kept = Object.keys(old).filter((name) => Object.hasOwn(now, name));
    // Who named other properties did not mean a new one; who named none may have.
    const others = isObject(before.additionalProperties) ? before.additionalProperties : {};
    const isMeant = isObject(before.additionalProperties) || before.properties === undefined;
    return [
      ...kept.flatMap((name) => this.changes(`${path}.${name}`, old[name], now[name])),
      ...gone.flatMap((name): SchemaChange[] => [
        { path: `${path}.${name}`, what: 'is gone', breaks: isClosed(after) ? both : ['forward'] },
        ...(isObject(after.additionalProperties)
          ? this.changes(`${path}.${name}`, old[name], after.additionalProperties)
          : []),
      ]),
      ...fresh.flatMap((name): SchemaChange[] => [
        { path: `${path}.${name}`, what: 'is new', breaks: isClosed(before) ? ['forward'] : [] },
        ...(isMeant && !isClosed(before) ? this.changes(`${path}.${name}`, others, now[name]) : []),
      ]),
    ];
  }

  /** Properties that are not named. */
  #othersChanges(path: string, { before, after }: Pair): SchemaChange[] {
    if (isClosed(before) && isClosed(after)) return [];
    if (isClosed(after)) return [{ path, what: 'allows no other properties now', breaks: ['backward'] }];
    if (isClosed(before)) return [{ path, what: 'allows other properties now', breaks: ['forward'] }];
    const [old, now] = [before.additionalProperties, after.additionalProperties];
    return old === undefined && now === undefined ? [] : this.changes(`${path}.*`, old ?? {}, now ?? {});
  }

  #itemChanges(path: string, { before, after }: Pair): SchemaChange[] {
    const [old, now] = [before.items ?? {}, after.items ?? {}];
    if (!Array.isArray(old) && !Array.isArray(now)) {
      return before.items === undefined && after.items === undefined
        ? []
        : this.changes(`${path}[]`, old, now);
    }
    if (!Array.isArray(old) || !Array.isArray(now) || old.length !== now.length)
      return [{ path: `${path}[]`, what: 'is described otherwise', breaks: both }];
    return old.flatMap((schema, index) => this.changes(`${path}[${index}]`, schema, now[index]));
  }

  /** One by one where there are as many as before, else as sets. */
  #listChanges(path: string, name: string, { before, after }: Pair): SchemaChange[] {
    const [old, now] = [before[name], after[name]];
    if (old === undefined && now === undefined) return [];
    if (!Array.isArray(old) || !Array.isArray(now) || (name === 'allOf' && old.length !== now.length))
      return [{ path, what: `has another ${name}`, breaks: both }];
    if (old.length === now.length)
      return old.flatMap((schema, index) => this.changes(path, schema, now[index]));
    const [was, is] = [this.#whole(old, 0), this.#whole(now, 1)] as [unknown[], unknown[]];
    const isIn = (all: readonly unknown[], one: unknown): boolean =>
      all.some((other) => isDeepStrictEqual(one, other));
    return [
      ...was.filter((one) => !isIn(is, one)).map((one) => gone(path, `cannot be ${shown(one)} any more`)),
      ...is.filter((one) => !isIn(was, one)).map((one) => added(path, `may be ${shown(one)} now`)),
    ];
  }

  /** Of keywords that are not understood: any change is one. */
  #unknownChanges(path: string, { before, after }: Pair): SchemaChange[] {
    const isSame = (name: string): boolean =>
      isDeepStrictEqual(this.#whole(before[name], 0), this.#whole(after[name], 1));
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
      .filter((name) => !judged.has(name) && !name.startsWith('x-') && !isSame(name))
      .map((name) => ({ path, what: `has another ${name}`, breaks: both }));
  }

  /** With what its references lead to in their place, a few levels deep. */
  #whole(value: unknown, side: 0 | 1, depth = 4): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#whole(one, side, depth));
    if (!isObject(value)) return value;
    if (typeof value.$ref === 'string' && depth > 0)
      return this.#whole(this.#resolve[side](value.$ref), side, depth - 1);
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, this.#whole(one, side, depth)]),
    );
  }
}

function isClosed({ additionalProperties }: Json): boolean {
  return additionalProperties === false;
}

function shown(schema: unknown): string {
  const text = JSON.stringify(schema);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
