/**
 * What was thrown, on its way between parent and child: name, text, stack, code, cause, and what `judge` asks for.
 * An error arrives as an error of classes of the same names; `Retry`, `Reject` and Celeriac's own arrive as
 * themselves. Never throws.
 */
import { deserialize, serialize } from 'node:v8';

import {
  CeleriacError,
  type ErrorCode,
  errorText,
  isCeleriacError,
  isReject,
  isRetry,
  Reject,
  Retry,
} from '@celeriac/core';

interface ThrownError {
  readonly kind: 'error';
  /** Its class and those above it, down to `Error`. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | number | undefined;
  readonly retryAfter?: string | number | Date | undefined;
  readonly cause?: Thrown | undefined;
}

type Own<Kind extends string, Fields> = { readonly kind: Kind; readonly base: ThrownError } & Fields;

export type Thrown =
  | ThrownError
  | Own<'retry', { readonly delayMs: number | undefined; readonly max: number | undefined }>
  | Own<'reject', { readonly requeue: boolean }>
  | Own<
      'celeriac',
      {
        readonly code: ErrorCode;
        readonly hint: string | undefined;
        readonly values: Readonly<Record<string, unknown>>;
      }
    >
  /** Something that is no error. */
  | { readonly kind: 'value'; readonly value: unknown };

const deepestCause = 5;

export function toThrown(error: unknown, depth = 0): Thrown {
  try {
    if (!(error instanceof Error)) return { kind: 'value', value: sendable(error) };
    const base = baseOf(error, depth);
    if (isRetry(error)) return { kind: 'retry', base, delayMs: error.delayMs, max: error.max };
    if (isReject(error)) return { kind: 'reject', base, requeue: error.requeue };
    if (!isCeleriacError(error)) return base;
    const { code, hint, values } = error;
    return { kind: 'celeriac', base, code, hint, values: sendable(values) as Record<string, unknown> };
  } catch {
    return { kind: 'value', value: errorText(error) }; // a getter or a proxy that throws
  }
}

function baseOf(error: Error, depth: number): ThrownError {
  const { code, retryAfter } = error as { code?: unknown; retryAfter?: unknown };
  const { cause } = error;
  return {
    kind: 'error',
    classes: classesOf(error),
    name: text(error.name),
    message: text(error.message),
    stack: typeof error.stack === 'string' ? error.stack : undefined,
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    retryAfter:
      typeof retryAfter === 'string' || typeof retryAfter === 'number' || retryAfter instanceof Date
        ? retryAfter
        : undefined,
    cause: cause === undefined || depth >= deepestCause ? undefined : toThrown(cause, depth + 1),
  };
}

/** Someone may have assigned anything. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : errorText(value);
}

function classesOf(error: Error): readonly string[] {
  const names: string[] = [];
  for (let one: unknown = Object.getPrototypeOf(error); one !== null; one = Object.getPrototypeOf(one)) {
    const name = (one as { constructor?: { name?: unknown } }).constructor?.name;
    if (name === 'Error' || name === 'Object') break;
    if (typeof name === 'string' && name !== '') names.push(name);
  }
  return names.slice(0, 20);
}

export function fromThrown(thrown: Thrown): unknown {
  switch (thrown.kind) {
    case 'value':
      return thrown.value;
    case 'error':
      return dressed(new (classNamed(thrown.classes))(thrown.message, causeOf(thrown)), thrown);
    case 'retry': {
      const { base, delayMs, max: most } = thrown;
      const delay = delayMs === undefined ? {} : { delay: delayMs / 1000 };
      const max = most === undefined ? {} : { max: most === Infinity ? null : most };
      return dressed(new Retry({ reason: base.message, ...delay, ...max, ...causeOf(base) }), base);
    }
    case 'reject': {
      const { base, requeue } = thrown;
      return dressed(new Reject(base.message, { requeue, ...causeOf(base) }), base);
    }
    case 'celeriac': {
      const { base, code, hint, values } = thrown;
      const end = hint === undefined ? '' : ` ${hint}`;
      const message = base.message.endsWith(end)
        ? base.message.slice(0, base.message.length - end.length)
        : base.message;
      const detail = { message, values, ...(hint === undefined ? {} : { hint }), ...causeOf(base) };
      return dressed(new CeleriacError(code, detail), { stack: base.stack });
    }
  }
}

function causeOf({ cause }: ThrownError): { cause?: unknown } {
  return cause === undefined ? {} : { cause: fromThrown(cause) };
}

/** Gives an error what the original had, as far as the new one has not got it. */
function dressed(error: Error, { name, stack, code, retryAfter }: Partial<ThrownError>): Error {
  const own = { stack, ...(name === undefined || name === error.name ? {} : { name }), code, retryAfter };
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined) continue;
    Object.defineProperty(error, key, {
      value,
      configurable: true,
      writable: true,
      enumerable: key === 'code',
    });
  }
  return error;
}

type ErrorClass = new (message: string, options?: ErrorOptions) => Error;

/** JavaScript's own keep their identity, so that `instanceof TypeError` holds. */
const builtIn: Readonly<Record<string, ErrorClass>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** A class whose ancestors have these names; policies name errors by class. */
function classNamed(names: readonly string[]): ErrorClass {
  return names.reduceRight<ErrorClass>(
    (above, name) => builtIn[name] ?? { [name]: class extends above {} }[name] ?? above,
    Error,
  );
}

/** The value as it can be cloned, or its text where it cannot. */
export function sendable(value: unknown): unknown {
  try {
    return cloned(value);
  } catch {
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, clonedOrText(one)]))
      : errorText(value);
  }
}

/** As channels between processes do: they take less than `structuredClone` does (no Blob, no shared memory). */
function cloned(value: unknown): unknown {
  return deserialize(serialize(value)) as unknown;
}

function clonedOrText(value: unknown): unknown {
  try {
    return cloned(value);
  } catch {
    return errorText(value); // a function, a socket: its text is all that can travel
  }
}
