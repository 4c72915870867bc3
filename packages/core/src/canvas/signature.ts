/**
 * What an application writes workflows with: one task and how it is to be called, to be sent later, by itself or as part
 * of something larger. Immutable: every method gives another one. Sends nothing.
 */
import { type Duration, parseDuration } from '../config/duration.js';
import { inputHeader, toCall } from '../contract/call.js';
import type { TaskContract } from '../contract/task.js';
import { CeleriacError } from '../errors.js';
import { readSignature, taskSignature, type WireSignature, withOptions } from '../protocol/canvas.js';
import { stringifyJson } from '../protocol/json.js';
import { hiddenArgs, hiddenKwargs } from '../protocol/python-repr.js';
import { parseJson } from '../protocol/json.js';
import { linked } from './freeze.js';

/** How a task of a workflow is sent. Durations are seconds, or text with a unit. They count from when it is its turn. */
export interface SignatureOptions {
  /** Its id. Default: a new one each time it is sent. */
  readonly id?: string;
  /** Default: the contract's, then the route of whoever sends it: the worker that ran what comes before. */
  readonly queue?: string;
  readonly priority?: number;
  readonly countdown?: Duration;
  readonly eta?: Date;
  readonly expires?: Duration | Date;
  readonly timeLimit?: { readonly soft?: Duration; readonly hard?: Duration };
  readonly ignoreResult?: boolean;
  readonly shadow?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Called with what it returns, when it has succeeded. */
  readonly link?: AnySignature | readonly AnySignature[];
  /** Called with its id, when it has failed for good. */
  readonly linkError?: AnySignature | readonly AnySignature[];
  /** True: what comes before does not give it its value. Celery's `si`. */
  readonly immutable?: boolean;
  /** Keyword arguments beside positional ones. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
}

/** Any signature at all, whatever it takes and gives. */
export type AnySignature = Signature<never>;

/**
 * `In` is what it still needs of what comes before: `undefined` where it has all it needs, `unknown` where it does not
 * care. `Out` is what it gives to what comes next.
 */
export class Signature<in In = unknown, out Out = unknown> {
  /** Never there: it carries the types. */
  declare readonly types?: { readonly takes: (input: In) => void; readonly gives: Out };
  /** @internal */
  readonly wire: WireSignature;

  constructor(wire: WireSignature) {
    this.wire = wire;
  }

  /** Name of the task; `celery.chain`, `celery.group` or `celery.chord` of a workflow. */
  get task(): string {
    return this.wire.task;
  }

  /** With further options; those given here win. Celery's `set`. */
  set(options: Omit<SignatureOptions, 'kwargs'>): Signature<In, Out> {
    return new Signature(optioned(this.wire, options));
  }

  /** Also calls `callback` with the result. Of a workflow: with its last one. */
  link(callback: AnySignature): Signature<In, Out> {
    return new Signature(linked(this.wire, { link: [callback.wire] }));
  }

  /** Also calls `callback` with the id of what failed. Of a chain: whichever of its tasks that is. */
  linkError(callback: AnySignature): Signature<In, Out> {
    return new Signature(linked(this.wire, { linkError: [callback.wire] }));
  }

  /** With stamps: names and values that travel with the task, and that Celery's monitors show. */
  stamp(stamps: Readonly<Record<string, unknown>>): Signature<In, Out> {
    return new Signature(stamped(this.wire, stamps));
  }

  /** As Celery writes it. */
  toJSON(): Record<string, unknown> {
    return { ...this.wire };
  }
}

/**
 * The call of a task, to be sent later. Without `input` it takes what comes before, whole; with some of it, that comes
 * first. By a bare name say what it gives: `signature<undefined, number>('math.add', [1, 2])`.
 */
export function signature<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  input: NoInfer<Input>,
  options: SignatureOptions & { readonly immutable: true },
): Signature<unknown, Output>;
export function signature<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
): Signature<Input, Output>;
export function signature<Input, Output>(
  task: TaskContract<Input, Output, unknown>,
  input: NoInfer<Input>,
  options?: SignatureOptions,
): Signature<undefined, Output>;
export function signature<Input, Output, const Given extends Partial<Input> | readonly unknown[]>(
  task: TaskContract<Input, Output, unknown>,
  input: Given | undefined,
  options?: SignatureOptions,
): Signature<Missing<Input, Given>, Output>;
export function signature<In = unknown, Out = unknown>(
  task: string,
  input?: unknown,
  options?: SignatureOptions,
): Signature<In, Out>;
export function signature(
  task: TaskContract | string,
  input?: unknown,
  options: SignatureOptions = {},
): AnySignature {
  const { args, kwargs } = toCall(input);
  const contract = typeof task === 'string' ? undefined : task;
  const name = typeof task === 'string' ? task : task.name;
  const { kwargs: more, ...others } = options;
  const hidden = contract?.sensitive === true ? { options: hiddenReprs } : {};
  const wire = taskSignature(name, { args, kwargs: { ...kwargs, ...more }, ...hidden });
  const whole =
    contract !== undefined && takesWhole(contract, wire) ? { headers: { [inputHeader]: 'value' } } : {};
  const defaults = contract === undefined ? {} : contractOptions(contract);
  const headers = { ...whole.headers, ...others.headers };
  const all = Object.keys(headers).length === 0 ? others : { ...others, headers };
  return new Signature(optioned(wire, { ...defaults, ...all }));
}

/** Celery's options of `apply_async`: what monitors are shown, also when Python sends it. */
const hiddenReprs = { argsrepr: hiddenArgs, kwargsrepr: hiddenKwargs };

/** What a partial input leaves open: the first of a list, or the members of an object that are not there. */
export type Missing<Input, Given> = Given extends undefined
  ? Input
  : Input extends readonly [infer First, ...unknown[]]
    ? First
    : Input extends object
      ? Input[Exclude<keyof Input, keyof Given>]
      : Input;

/**
 * The value from before is all of the input then. Not of an object's: a value may be its first member as well, which is
 * seen where it arrives.
 */
function takesWhole({ input }: TaskContract, { args, kwargs }: WireSignature): boolean {
  const isObject = typeof input === 'object' && (input as { type?: unknown }).type === 'object';
  return args.length === 0 && Object.keys(kwargs).length === 0 && !isObject;
}

function contractOptions(contract: TaskContract): SignatureOptions {
  const { queue, priority, expires, timeLimit, ignoreResult, delay } = contract;
  const all = { queue, priority, expires, timeLimit, ignoreResult, countdown: delay };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

const renamed = { id: 'task_id', ignoreResult: 'ignore_result' } as const;
const kept = ['queue', 'priority', 'shadow', 'headers'] as const;

/** Options by Celery's names. Throws ERR_INPUT_INVALID for a duration that is none. */
function optioned(wire: WireSignature, options: SignatureOptions): WireSignature {
  const written: Record<string, unknown> = {};
  for (const name of kept) if (options[name] !== undefined) written[name] = options[name];
  for (const [name, celery] of Object.entries(renamed)) {
    const value = options[name as keyof typeof renamed];
    if (value !== undefined) written[celery] = value;
  }
  const { link, linkError, immutable } = options;
  Object.assign(written, times(options));
  const set = withOptions(wire, written);
  const all = linked(set, { link: listOf(link), linkError: listOf(linkError) });
  return immutable === undefined ? all : { ...all, immutable };
}

function times({ countdown, eta, expires, timeLimit = {} }: SignatureOptions): Record<string, unknown> {
  const { hard, soft } = timeLimit;
  return {
    ...(countdown === undefined ? {} : { countdown: parseDuration(countdown) }),
    ...(eta === undefined ? {} : { eta: eta.toISOString() }),
    ...(expires === undefined
      ? {}
      : { expires: expires instanceof Date ? expires.toISOString() : parseDuration(expires) }),
    ...(hard === undefined ? {} : { time_limit: parseDuration(hard) }),
    ...(soft === undefined ? {} : { soft_time_limit: parseDuration(soft) }),
  };
}

function listOf(one: AnySignature | readonly AnySignature[] | undefined): readonly WireSignature[] {
  if (one === undefined) return [];
  return (one instanceof Signature ? [one] : one).map(({ wire }) => wire);
}

/** Stamps are on every task of a workflow, and on what is called after it. */
function stamped(wire: WireSignature, stamps: Readonly<Record<string, unknown>>): WireSignature {
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    return isSignature(value) ? stamped(value, stamps) : value;
  };
  const { options, kwargs } = wire;
  const names = [...new Set([...(options.stamped_headers ?? []), ...Object.keys(stamps)])];
  const followers = ['link', 'link_error', 'chord', 'chain'].filter((name) => name in options);
  const following = Object.fromEntries(followers.map((name) => [name, walk(options[name])]));
  const parts = wire.subtask_type === null ? kwargs : mapValues(kwargs, walk);
  return { ...wire, kwargs: parts, options: { ...options, ...stamps, ...following, stamped_headers: names } };
}

function mapValues(values: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}

function isSignature(value: unknown): value is WireSignature {
  return typeof value === 'object' && value !== null && 'task' in value && 'subtask_type' in value;
}

/** From JSON text or data as Celery writes it. Throws ERR_WORKFLOW_INVALID. */
export function signatureFrom(json: unknown): Signature {
  try {
    return new Signature(
      readSignature(typeof json === 'string' ? parseJson(json) : parseJson(stringifyJson(json))),
    );
  } catch (cause) {
    throw new CeleriacError('ERR_WORKFLOW_INVALID', {
      message: `This is no signature: ${(cause as Error).message}.`,
      hint: 'It has to be what Celery writes: task, args, kwargs, options, subtask_type, immutable.',
      cause,
    });
  }
}
