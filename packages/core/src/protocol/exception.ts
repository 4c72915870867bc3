/**
 * Errors as Celery writes them into results, and what a reader gets of them. Pure; neither direction throws.
 *
 * Source: celery/backends/base.py (`prepare_exception`, `exception_to_python`): `exc_type` is required, and a Python
 * reader takes `exc_module` apart: a class that exists there but is no exception is a SecurityError, and one such as
 * `SystemExit` would be raised as it is. So only exceptions that are named here go out under a Python module; any other
 * name goes out under ours, which Python does not know, and becomes an exception class of that name.
 */
import { type CeleriacError, errorText, isCeleriacError } from '../errors.js';
import { redact } from '../redact.js';
import { isMap } from './celery-fields.js';

/** An error as another process told it. */
export interface RemoteException {
  /** Name of its class: `ValueError`. */
  readonly type: string;
  /** Where the class is defined: `builtins`. */
  readonly module?: string;
  /** What its constructor was given. */
  readonly args: readonly unknown[];
}

/** Celery's form, field by field. */
export interface WireException {
  readonly exc_type: string;
  readonly exc_message: readonly unknown[];
  readonly exc_module: string;
}

/** Characters of a message, and of a stack, that are kept. */
const longestMessage = 16_384;
const longestTrace = 65_536;
/** Errors that are the cause of one another: so many are told. */
const deepest = 8;

const ownModule = 'celeriac';
/** JavaScript's classes that Python has as well, and can make from one text. */
const inPython: Readonly<Record<string, string>> = {
  Error: 'Exception',
  TypeError: 'TypeError',
  SyntaxError: 'SyntaxError',
};

type Telling = (error: CeleriacError) => WireException;

const told = (exc_module: string, exc_type: string, ...exc_message: unknown[]): WireException => {
  return { exc_type, exc_message, exc_module };
};
const lost: Telling = (error) => told('billiard.exceptions', 'WorkerLostError', messageOf(error));
const encode: Telling = (error) => told('kombu.exceptions', 'EncodeError', messageOf(error));

/** What Celery calls the endings that it has as well. */
const celeryNames: Partial<Record<CeleriacError['code'], Telling>> = {
  ERR_TASK_UNKNOWN: ({ values }) => told('celery.exceptions', 'NotRegistered', values.task ?? ''),
  ERR_MESSAGE_EXPIRED: () => told('celery.exceptions', 'TaskRevokedError', 'expired'),
  ERR_TASK_REVOKED: (error) =>
    told('celery.exceptions', 'TaskRevokedError', error.values.reason ?? messageOf(error)),
  ERR_SOFT_TIME_LIMIT: ({ values }) =>
    told('billiard.exceptions', 'SoftTimeLimitExceeded', values.limit ?? null),
  ERR_HARD_TIME_LIMIT: ({ values }) => told('billiard.exceptions', 'TimeLimitExceeded', values.limit ?? null),
  ERR_CHORD_FAILED: (error) => told('celery.exceptions', 'ChordError', messageOf(error)),
  ERR_CHILD_DIED: lost,
  ERR_MEMORY_LIMIT: lost,
  ERR_DELIVERY_LIMIT: lost,
  ERR_NOT_SERIALIZABLE: encode,
  ERR_MESSAGE_TOO_LARGE: encode,
};

/** Whatever was thrown, for Python to raise. Passwords are masked. */
export function encodeException(error: unknown): WireException {
  try {
    if (isCeleriacError(error)) {
      return (
        celeryNames[error.code]?.(error) ?? told(ownModule, className(error), messageOf(error), error.code)
      );
    }
    const name = error instanceof Error ? className(error) : 'Error';
    const python = inPython[name];
    return told(python === undefined ? ownModule : 'builtins', python ?? name, messageOf(error));
  } catch {
    return told('builtins', 'Exception', messageOf(error)); // a getter or a proxy that throws
  }
}

/** The stack of an error and of those that caused it; null for what has none. Passwords are masked. */
export function encodeTrace(error: unknown): string | null {
  const stacks: string[] = [];
  try {
    let one = error;
    for (let depth = 0; one instanceof Error && depth < deepest; depth++) {
      if (typeof one.stack === 'string') stacks.push(one.stack);
      one = one.cause;
    }
  } catch {
    // A getter that throws: what was found until then is told.
  }
  return stacks.length === 0 ? null : wellFormed(redact(stacks.join('\nCaused by: ')).slice(0, longestTrace));
}

/** Reads Celery's form; what is not in it is told as text. */
export function decodeException(document: unknown): RemoteException {
  if (!isMap(document) || typeof document.exc_type !== 'string') {
    return { type: 'Exception', args: document === null || document === undefined ? [] : [document] };
  }
  const { exc_type: type, exc_message: message, exc_module: module } = document;
  const args: readonly unknown[] = Array.isArray(message) ? message : message == null ? [] : [message];
  return { type, ...(typeof module === 'string' ? { module } : {}), args };
}

/** Its text, as `str(exception)` gives it for the usual ones: the only argument, else all of them. */
export function exceptionText({ type, args }: RemoteException): string {
  const [only] = args;
  if (args.length === 0) return type;
  return `${type}: ${args.length === 1 ? errorText(only) : args.map(errorText).join(', ')}`;
}

/** Without the hint of an error of ours: it is for those who see the call. */
function messageOf(error: unknown): string {
  const text = errorText(error);
  const end = isCeleriacError(error) && error.hint !== undefined ? ` ${error.hint}` : '';
  const own = end !== '' && text.endsWith(end) ? text.slice(0, -end.length) : text;
  return wellFormed(own.slice(0, longestMessage));
}

/** Half a surrogate pair, which a cut may leave, has no form in UTF-8. */
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** The name of its class as Python may call one. */
function className({ name, constructor }: Error): string {
  const own: unknown = name === 'Error' ? constructor.name : name;
  return typeof own === 'string' && /^[A-Za-z_]\w{0,99}$/u.test(own) ? own : 'Error';
}
