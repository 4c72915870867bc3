/**
 * Errors that cross between threads: a CeleriacError arrives as one, with code, values, hint and cause; any other
 * arrives as an Error with its name, text, code and stack. Pure.
 */
import { CeleriacError, type ErrorCode, errorText, isCeleriacError } from '@celeriac/core';

export type WireError =
  | {
      readonly kind: 'celeriac';
      readonly code: ErrorCode;
      /** Without the hint. */
      readonly message: string;
      readonly hint: string | undefined;
      readonly values: Readonly<Record<string, unknown>>;
      readonly cause: WireError | undefined;
    }
  | {
      readonly kind: 'error';
      readonly name: string;
      readonly message: string;
      readonly code: string | number | undefined;
      readonly stack: string | undefined;
    };

/** How deep causes are followed. */
const deepest = 5;

export function toWire(error: unknown, depth = 0): WireError {
  if (!isCeleriacError(error)) return foreign(error);
  const { code, message, hint, values, cause } = error;
  return {
    kind: 'celeriac',
    code,
    message:
      hint !== undefined && message.endsWith(` ${hint}`) ? message.slice(0, -hint.length - 1) : message,
    hint,
    values: copyable(values) as Record<string, unknown>,
    cause: cause === undefined || depth === deepest ? undefined : toWire(cause, depth + 1),
  };
}

/** What only a CeleriacError can be; anything else would be its cause. */
export function celeriacFromWire(wire: WireError): CeleriacError {
  if (wire.kind === 'error') {
    return new CeleriacError('ERR_IO_THREAD', { message: `${wire.message}.`, cause: fromWire(wire) });
  }
  const { code, message, hint, values, cause } = wire;
  return new CeleriacError(code, {
    message,
    values,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause: fromWire(cause) }),
  });
}

export function fromWire(wire: WireError): Error {
  if (wire.kind === 'celeriac') return celeriacFromWire(wire);
  const { name, message, code, stack } = wire;
  const error = new Error(message);
  error.name = name;
  if (stack !== undefined) error.stack = stack;
  return code === undefined ? error : Object.assign(error, { code });
}

function foreign(error: unknown): WireError {
  const { name, stack, code } = error instanceof Error ? (error as Error & { code?: unknown }) : {};
  return {
    kind: 'error',
    name: typeof name === 'string' ? name : 'Error',
    message: errorText(error),
    code: typeof code === 'string' || typeof code === 'number' ? code : undefined,
    stack: typeof stack === 'string' ? stack : undefined,
  };
}

/** The value itself, or a text where it cannot be copied. */
export function copyable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return errorText(value); // a function, a socket: for people only
  }
}
