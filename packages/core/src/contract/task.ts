/**
 * Task contracts: a name, the shape of what goes in and comes out, and how it is sent. Shared by both sides, so that
 * a web process knows a task without loading its handler. No I/O.
 */
import { CeleriacError } from '../errors.js';
import { checkKeys, checkName } from './definition.js';
import { isStandardSchema, type Schema, type SchemaInput, type SchemaOutput } from './schema.js';

/** Seconds, or text with a unit: `'500ms'`, `'20s'`, `'5m'`, `'1h'`, `'30d'`. */
type Duration = number | string;

/** How a task is sent unless the call says otherwise. */
export interface TaskDefaults {
  /** Default: the configured route, then `tasks.default_queue`. */
  readonly queue?: string;
  /** 0 to 255, higher first, on queues that have priorities. */
  readonly priority?: number;
  /** Not to be started later than this after sending. */
  readonly expires?: Duration;
  /** `soft`: the handler's signal fires. `hard` travels to Python workers; ours do not enforce it yet. */
  readonly timeLimit?: { readonly soft?: Duration; readonly hard?: Duration };
}

/**
 * A task as both sides know it. `Input` is what a sender passes, `Parsed` what the handler gets (they differ where
 * a schema converts or fills in), `Output` what the handler returns.
 */
export interface TaskContract<Input = unknown, Output = unknown, Parsed = Input> extends TaskDefaults {
  readonly kind: 'task';
  readonly name: string;
  readonly input?: Schema;
  readonly output?: Schema;
  /** Never there: it carries the types. */
  readonly types?: { readonly input: Input; readonly output: Output; readonly parsed: Parsed };
}

export interface TaskDefinition<In extends Schema, Out extends Schema> extends TaskDefaults {
  /** As Celery registers it: `billing.charge`. 1 to 255 bytes. */
  readonly name: string;
  /** An object travels as keyword arguments, a list as positional ones. Without it anything may be sent. */
  readonly input?: In;
  readonly output?: Out;
}

const keys = ['name', 'input', 'output', 'queue', 'priority', 'expires', 'timeLimit'];

/** Throws ERR_CONTRACT_INVALID for a bad name or an unknown key; the schemas are compiled at first use. */
export function defineTask<const In extends Schema, const Out extends Schema>(
  definition: TaskDefinition<In, Out>,
): TaskContract<SchemaInput<In>, SchemaOutput<Out>, SchemaOutput<In>> {
  checkKeys('task', definition, keys);
  checkName('task', definition.name);
  return Object.freeze({ ...definition, kind: 'task' as const });
}

export interface TaskCall {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** How an input travels: a list as `args`, an object as `kwargs`, nothing as nothing, another value as the only arg. */
export function toCall(input: unknown): TaskCall {
  if (input === undefined) return { args: [], kwargs: {} };
  if (Array.isArray(input)) return { args: input, kwargs: {} };
  if (isPlainObject(input)) return { args: [], kwargs: input };
  return { args: [input], kwargs: {} };
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

export type Bound =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: CeleriacError };

/**
 * The input a call stands for. Where the schema is an object, positional arguments (from Python) take the names of
 * its properties in their declared order; where it is a list they are the list; a single value is itself.
 */
export function fromCall(
  contract: TaskContract,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): Bound {
  const shape = shapeOf(contract);
  const named = Object.keys(kwargs).length;
  if (shape.kind === 'list' || (shape.kind === 'open' && named === 0 && args.length !== 1)) {
    if (named > 0)
      return mismatch(
        contract,
        `takes a list, but got keyword arguments (${Object.keys(kwargs).join(', ')})`,
      );
    return { ok: true, value: args.length === 0 && shape.kind === 'open' ? undefined : args };
  }
  if (args.length === 0) return { ok: true, value: kwargs };
  if (named === 0 && args.length === 1 && shape.kind !== 'object') return { ok: true, value: args[0] };
  return byPosition(contract, { shape, args, kwargs });
}

type Shape =
  | { readonly kind: 'object'; readonly properties: readonly string[] }
  | { readonly kind: 'list' | 'value' | 'open' };

function shapeOf({ input }: TaskContract): Shape {
  if (input === undefined) return { kind: 'open' };
  if (isStandardSchema(input)) return standardShape(input);
  if (typeof input === 'boolean') return { kind: 'open' };
  const { type, properties } = input as { type?: unknown; properties?: Record<string, unknown> };
  if (type === 'array') return { kind: 'list' };
  if (type === 'object' || properties !== undefined)
    return { kind: 'object', properties: Object.keys(properties ?? {}) };
  return { kind: type === undefined ? 'open' : 'value' };
}

/** Standard Schema says nothing of its shape; zod and valibot show the members of an object. */
function standardShape(schema: object): Shape {
  const { shape, entries } = schema as { shape?: unknown; entries?: unknown };
  const members = shape ?? entries;
  const isObject = typeof members === 'object' && members !== null;
  return isObject ? { kind: 'object', properties: Object.keys(members) } : { kind: 'open' };
}

function byPosition(
  contract: TaskContract,
  {
    shape,
    args,
    kwargs,
  }: { shape: Shape; args: readonly unknown[]; kwargs: Readonly<Record<string, unknown>> },
): Bound {
  const names = shape.kind === 'object' ? shape.properties : [];
  if (args.length === 1 && Object.keys(kwargs).length === 0 && isPlainObject(args[0])) {
    return { ok: true, value: args[0] }; // one dict, as Python callers write it
  }
  if (args.length > names.length) {
    return mismatch(contract, `takes ${names.length} arguments by position, but got ${args.length}`);
  }
  const value: Record<string, unknown> = { ...kwargs };
  for (const [index, arg] of args.entries()) {
    const name = names[index] as string;
    if (Object.hasOwn(kwargs, name))
      return mismatch(contract, `got '${name}' twice, by position and by name`);
    value[name] = arg;
  }
  return { ok: true, value };
}

function mismatch({ name }: TaskContract, problem: string): Bound {
  return {
    ok: false,
    error: new CeleriacError('ERR_INPUT_INVALID', {
      message: `The task '${name}' ${problem}.`,
      hint: 'Call it with the arguments its contract names.',
      values: { task: name },
    }),
  };
}
