/**
 * What has changed between two versions of a JSON Schema, and who is broken by it: those who read with the new one
 * what was written with the old one, or the other way round. Pure. What it cannot judge counts as both.
 *
 * Source: JSON Schema draft 7; the words backward and forward as schema registries use them.
 */

import { isDeepStrictEqual } from 'node:util';

/** `backward`: new consumers refuse old messages. `forward`: old consumers refuse new messages, or miss something. */
export type Direction = 'backward' | 'forward';

export interface SchemaChange {
  /** As in `data.values.amount`. */
  readonly path: string;
  readonly what: string;
  readonly breaks: readonly Direction[];
}

/** Finds what a local reference leads to. */
export type Resolve = (ref: string) => unknown;

type Json = Readonly<Record<string, unknown>>;

interface Pair {
  readonly before: Json;
  readonly after: Json;
}

/** Say nothing about what is valid. */
const annotations: ReadonlySet<string> = new Set(
  '$comment $defs $id $schema default definitions deprecated description examples readOnly title writeOnly'.split(
    ' ',
  ),
);
const lowerBounds = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const upperBounds = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];
/** Their presence narrows; two that differ are not compared. */
const restrictions = [
  'pattern',
  'format',
  'multipleOf',
  'uniqueItems',
  'contentEncoding',
  'contentMediaType',
];
/** What is compared by itself. */
const judged: ReadonlySet<string> = new Set([
  ...annotations,
  ...lowerBounds,
  ...upperBounds,
  ...restrictions,
  ...['type', 'enum', 'const', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'oneOf'],
]);
const both: readonly Direction[] = ['backward', 'forward'];

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
      ...typeChanges(path, pair),
      ...allowedChanges(path, pair),
      ...boundChanges(path, pair),
      ...restrictionChanges(path, pair),
      ...this.#propertyChanges(path, pair),
      ...requiredChanges(path, pair),
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
    const changes: SchemaChange[] = [];
    for (const [name, schema] of Object.entries(old)) {
      const at = `${path}.${name}`;
      if (Object.hasOwn(now, name)) changes.push(...this.changes(at, schema, now[name]));
      else changes.push({ path: at, what: 'is gone', breaks: isClosed(after) ? both : ['forward'] });
      if (!Object.hasOwn(now, name) && isObject(after.additionalProperties))
        changes.push(...this.changes(at, schema, after.additionalProperties));
    }
    for (const [name, schema] of Object.entries(now)) {
      if (Object.hasOwn(old, name)) continue;
      const at = `${path}.${name}`;
      changes.push({ path: at, what: 'is new', breaks: isClosed(before) ? ['forward'] : [] });
      // Who named other properties did not mean this one; who named none may have.
      if (isObject(before.additionalProperties) || (before.properties === undefined && !isClosed(before)))
        changes.push(...this.changes(at, before.additionalProperties ?? {}, schema));
    }
    return changes;
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

function typeChanges(path: string, { before, after }: Pair): SchemaChange[] {
  const [old, now] = [typesOf(before), typesOf(after)];
  const holds = (types: readonly string[], type: string): boolean =>
    types.includes(type) || (type === 'integer' && types.includes('number'));
  const lost = old.filter((type) => !holds(now, type));
  const won = now.filter((type) => !holds(old, type));
  if (lost.length === 0 && won.length === 0) return [];
  const breaks: Direction[] = [];
  if (lost.length > 0) breaks.push('backward');
  if (won.length > 0) breaks.push('forward');
  return [{ path, what: `was ${shownTypes(before)} and is ${shownTypes(after)}`, breaks }];
}

const allTypes = ['array', 'boolean', 'null', 'number', 'object', 'string'];

function typesOf({ type }: Json): readonly string[] {
  if (type === undefined) return allTypes;
  return (Array.isArray(type) ? type : [type]).map(String);
}

function shownTypes(schema: Json): string {
  return schema.type === undefined ? 'of any type' : typesOf(schema).join(' or ');
}

/** By `enum` and `const`. */
function allowedChanges(path: string, { before, after }: Pair): SchemaChange[] {
  const [old, now] = [allowedBy(before), allowedBy(after)];
  if (old === undefined && now === undefined) return [];
  if (old === undefined) return [{ path, what: 'is one of some values only', breaks: ['backward'] }];
  if (now === undefined) return [{ path, what: 'may be any value now', breaks: ['forward'] }];
  return [
    ...old.filter((one) => !now.includes(one)).map((one) => gone(path, `cannot be ${one} any more`)),
    ...now.filter((one) => !old.includes(one)).map((one) => added(path, `may be ${one} now`)),
  ];
}

function allowedBy(schema: Json): readonly string[] | undefined {
  if (Object.hasOwn(schema, 'const')) return [JSON.stringify(schema.const)];
  return Array.isArray(schema.enum) ? schema.enum.map((one) => JSON.stringify(one)) : undefined;
}

function gone(path: string, what: string): SchemaChange {
  return { path, what, breaks: ['backward'] };
}

function added(path: string, what: string): SchemaChange {
  return { path, what, breaks: ['forward'] };
}

function boundChanges(path: string, { before, after }: Pair): SchemaChange[] {
  const changesOf = (name: string, none: number, sign: 1 | -1): SchemaChange[] => {
    const [old, now] = [before[name] ?? none, after[name] ?? none].map(Number) as [number, number];
    if (old === now) return [];
    const what = `has ${name} ${shownBound(after[name])}, before ${shownBound(before[name])}`;
    return [(now - old) * sign > 0 ? gone(path, what) : added(path, what)];
  };
  return [
    ...lowerBounds.flatMap((name) => changesOf(name, -Infinity, 1)),
    ...upperBounds.flatMap((name) => changesOf(name, Infinity, -1)),
  ];
}

function shownBound(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}

function restrictionChanges(path: string, { before, after }: Pair): SchemaChange[] {
  return restrictions.flatMap((name): SchemaChange[] => {
    const [old, now] = [before[name], after[name]];
    if (isDeepStrictEqual(old, now)) return [];
    if (old === undefined) return [gone(path, `has a ${name} now`)];
    if (now === undefined) return [added(path, `has no ${name} any more`)];
    return [{ path, what: `has another ${name}`, breaks: both }];
  });
}

function requiredChanges(path: string, { before, after }: Pair): SchemaChange[] {
  const [old, now] = [namesOf(before.required), namesOf(after.required)];
  const remains = (name: string): boolean =>
    Object.hasOwn(objectOf(after.properties), name) || !Object.hasOwn(objectOf(before.properties), name);
  return [
    ...now.filter((name) => !old.includes(name)).map((name) => gone(`${path}.${name}`, 'is required now')),
    ...old
      .filter((name) => !now.includes(name) && remains(name))
      .map((name) => added(`${path}.${name}`, 'is not required any more')),
  ];
}

function isClosed({ additionalProperties }: Json): boolean {
  return additionalProperties === false;
}

function shown(schema: unknown): string {
  const text = JSON.stringify(schema);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function namesOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** `{}` for anything else. */
export function objectOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
