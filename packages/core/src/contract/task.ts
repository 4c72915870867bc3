/**
 * Task contracts: a name, the shape of what goes in and comes out, and how it is sent. Shared by both sides, so that
 * a web process knows a task without loading its handler. No I/O.
 */
import {
  checkKeyOptions,
  type DebounceOptions,
  type IdempotencyOptions,
  type KeyOf,
  type UniqueOptions,
} from '../policy/key-options.js';
import { checkLimitOptions, type LimitOptions } from '../policy/limit-options.js';
import { checkRetryOptions, type RetryOptions } from '../policy/retry-options.js';
import { checkKeys, checkName } from './definition.js';
import type { Schema, SchemaInput, SchemaOutput } from './schema.js';

/** Seconds, or text with a unit: `'500ms'`, `'20s'`, `'5m'`, `'1h'`, `'30d'`. */
type Duration = number | string;

/** How a task is sent unless the call says otherwise, and how it is run unless the registration does. */
export interface TaskDefaults extends LimitOptions {
  /** Default: the configured route, then `tasks.default_queue`. */
  readonly queue?: string;
  /** 0 to 255, higher first, on queues that have priorities. */
  readonly priority?: number;
  /** Not to be started earlier than this after sending. */
  readonly delay?: Duration;
  /** How it is tried again when it fails. Without it a failed task goes to the dead-letter queue. */
  readonly retry?: RetryOptions;
  /** Not to be started later than this after sending. */
  readonly expires?: Duration;
  /** True: nobody reads what it returns, so it is not kept. Default `tasks.ignore_result`. */
  readonly ignoreResult?: boolean;
  /** True: logs and monitors are shown neither its arguments nor its result. Default false. */
  readonly sensitive?: boolean;
  /** `soft`: the handler's signal fires. `hard` travels to Python workers; ours do not enforce it yet. */
  readonly timeLimit?: { readonly soft?: Duration; readonly hard?: Duration };
  /** It succeeds once for a key: what was delivered again after that is acknowledged without running. */
  readonly idempotency?: IdempotencyOptions<KeyOf<never>>;
  /** It is not sent while another one with the same key waits or runs. */
  readonly unique?: UniqueOptions<KeyOf<never>>;
  /** Of several sends with the same key the last one runs. */
  readonly debounce?: DebounceOptions<KeyOf<never>>;
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

export interface TaskDefinition<In extends Schema, Out extends Schema>
  extends Omit<TaskDefaults, keyof LimitOptions>, LimitOptions<SchemaOutput<NoInfer<In>>> {
  /** As Celery registers it: `billing.charge`. 1 to 255 bytes. */
  readonly name: string;
  /** An object travels as keyword arguments, a list as positional ones. Without it anything may be sent. */
  readonly input?: In;
  readonly output?: Out;
  readonly idempotency?: IdempotencyOptions<KeyOf<SchemaOutput<In>>>;
  readonly unique?: UniqueOptions<KeyOf<SchemaInput<In>>>;
  readonly debounce?: DebounceOptions<KeyOf<SchemaInput<In>>>;
}

const sending = ['queue', 'priority', 'delay', 'retry', 'expires', 'timeLimit', 'unique', 'debounce'];
const running = ['idempotency', 'rateLimit', 'concurrency', 'killSwitch'];
const keys = ['name', 'input', 'output', 'ignoreResult', 'sensitive', ...sending, ...running];

/** Throws ERR_CONTRACT_INVALID for a bad name or an unknown key; the schemas are compiled at first use. */
export function defineTask<const In extends Schema, const Out extends Schema>(
  definition: TaskDefinition<In, Out>,
): TaskContract<SchemaInput<In>, SchemaOutput<Out>, SchemaOutput<In>> {
  checkKeys('task', definition, keys);
  checkName('task', definition.name);
  checkRetryOptions(definition.retry);
  checkKeyOptions(definition);
  checkLimitOptions(definition);
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
