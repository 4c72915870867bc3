/**
 * Between an input and a call: an input travels as Celery's positional and keyword arguments, and a call from anyone
 * stands for an input. The way back is not always single (`[5]` and `5` are both sent as one argument), so it gives
 * candidates, and the first that fits the contract is meant. Pure.
 */
import { CeleriacError } from '../errors.js';
import { isStandardSchema } from './schema.js';
import type { TaskContract } from './task.js';

export interface TaskCall {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  /** True when the input was one value that is neither list nor object. */
  readonly single: boolean;
}

/** Marks a message whose only argument is the whole input, so that it is not taken for a list of one. */
export const inputHeader = 'celeriac-input';

/** How an input travels: a list as `args`, an object as `kwargs`, nothing as nothing, another value as the only arg. */
export function toCall(input: unknown): TaskCall {
  if (input === undefined) return { args: [], kwargs: {}, single: false };
  if (Array.isArray(input)) return { args: input, kwargs: {}, single: false };
  if (isPlainObject(input)) return { args: [], kwargs: input, single: false };
  return { args: [input], kwargs: {}, single: true };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What a call may stand for, the likeliest first; or why it can stand for nothing. */
export type Candidates =
  | { readonly ok: true; readonly values: readonly [unknown, ...unknown[]] }
  | { readonly ok: false; readonly error: CeleriacError };

/**
 * The inputs a call may stand for. Where the schema is an object, positional arguments (from Python) take the names
 * of its properties in their declared order.
 */
export function inputCandidates(contract: TaskContract, { args, kwargs, single }: TaskCall): Candidates {
  const [first] = args;
  if (single) return { ok: true, values: [first] };
  const shape = shapeOf(contract);
  const named = Object.keys(kwargs);
  switch (shape.kind) {
    case 'list':
      if (named.length === 0) return { ok: true, values: args.length === 0 ? [args, undefined] : [args] };
      return mismatch(contract, `takes a list, but got keyword arguments (${named.join(', ')})`);
    case 'object':
      return byPosition(contract, { names: shape.properties, args, kwargs });
    case 'value':
      if (named.length === 0 && args.length <= 1) return { ok: true, values: [first] };
      return mismatch(
        contract,
        `takes one value, but got ${args.length} by position and ${named.length} by name`,
      );
    case 'open':
      return { ok: true, values: openCandidates(args, kwargs) };
  }
}

function openCandidates(
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly [unknown, ...unknown[]] {
  const named = Object.keys(kwargs).length;
  if (args.length === 0) return named > 0 ? [kwargs] : [kwargs, undefined, args];
  if (named > 0) return [[...args, kwargs]]; // as a handler by bare name would get them
  return args.length === 1 ? [args, args[0]] : [args];
}

type Shape =
  | { readonly kind: 'object'; readonly properties: readonly string[] }
  | { readonly kind: 'list' | 'value' | 'open' };

function shapeOf({ input }: TaskContract): Shape {
  if (input === undefined || typeof input === 'boolean') return { kind: 'open' };
  const schema = isStandardSchema(input) ? describedBy(input) : (input as Record<string, unknown>);
  const { type, properties } = schema as { type?: unknown; properties?: Record<string, unknown> };
  if (type === 'array') return { kind: 'list' };
  if (type === 'object') return { kind: 'object', properties: Object.keys(properties ?? {}) };
  return { kind: typeof type === 'string' ? 'value' : 'open' };
}

/** A Standard Schema that shows its JSON Schema (zod 4.2 and later) or its members (zod, valibot); else nothing. */
function describedBy(schema: object): object {
  const standard = (schema as { '~standard': { jsonSchema?: { input?: (options: object) => object } } })[
    '~standard'
  ];
  try {
    const described = standard.jsonSchema?.input?.({ target: 'draft-2020-12' });
    if (described !== undefined) return described;
  } catch {
    // A schema JSON Schema cannot express, a transform for instance: what its members say is enough.
  }
  const { shape, entries } = schema as { shape?: unknown; entries?: unknown };
  const members = shape ?? entries;
  return typeof members === 'object' && members !== null ? { type: 'object', properties: members } : {};
}

function byPosition(
  contract: TaskContract,
  {
    names,
    args,
    kwargs,
  }: { names: readonly string[]; args: readonly unknown[]; kwargs: Readonly<Record<string, unknown>> },
): Candidates {
  if (args.length === 0) {
    // Nothing at all may also be an optional input that was left out.
    return { ok: true, values: Object.keys(kwargs).length === 0 ? [kwargs, undefined] : [kwargs] };
  }
  const whole =
    args.length === 1 && Object.keys(kwargs).length === 0 && isPlainObject(args[0]) ? [args[0]] : [];
  if (args.length > names.length) {
    const [value] = whole;
    if (value !== undefined) return { ok: true, values: [value] };
    return mismatch(contract, `takes ${names.length} arguments by position, but got ${args.length}`);
  }
  const bound: Record<string, unknown> = { ...kwargs };
  for (const [index, arg] of args.entries()) {
    const name = names[index] as string;
    if (Object.hasOwn(kwargs, name))
      return mismatch(contract, `got '${name}' twice, by position and by name`);
    bound[name] = arg;
  }
  // One dict may be the whole input, as Python callers write it, or the value of the first property.
  return { ok: true, values: whole.length > 0 ? [whole[0], bound] : [bound] };
}

function mismatch({ name }: TaskContract, problem: string): Candidates {
  return {
    ok: false,
    error: new CeleriacError('ERR_INPUT_INVALID', {
      message: `The task '${name}' ${problem}.`,
      hint: 'Call it with the arguments its contract names.',
      values: { task: name },
    }),
  };
}
