/**
 * What has changed in the keywords of a JSON Schema that stand for themselves: types, values, limits, what is
 * required. Pure; looks into no other schema.
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

export type Json = Readonly<Record<string, unknown>>;

export interface Pair {
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
export const judged: ReadonlySet<string> = new Set([
  ...annotations,
  ...lowerBounds,
  ...upperBounds,
  ...restrictions,
  ...[
    'type',
    'enum',
    'const',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'allOf',
    'anyOf',
    'oneOf',
  ],
]);
export const both: readonly Direction[] = ['backward', 'forward'];

/** All of these. */
export function keywordChanges(path: string, pair: Pair): SchemaChange[] {
  return [typeChanges, allowedChanges, boundChanges, restrictionChanges, requiredChanges].flatMap(
    (changesOf) => changesOf(path, pair),
  );
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

export function gone(path: string, what: string): SchemaChange {
  return { path, what, breaks: ['backward'] };
}

export function added(path: string, what: string): SchemaChange {
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
