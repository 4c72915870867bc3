/**
 * Log lines: an interface any logger fits, and two writers of our own (readable and JSON). Every text and field
 * passes through `redact`. Never throws: a log line that cannot be written is dropped.
 */
import { type Clock, systemClock } from './clock.js';
import { errorText } from './errors.js';
import { redact, redactValue } from './redact.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What goes with a line: ids, names, numbers, and at most one `error`. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  /** Lines below it are not written. Default `info`. */
  readonly level?: LogLevel | 'silent';
  /** `text` for people, `json` for machines (one object a line). Default `text`. */
  readonly format?: 'text' | 'json';
  /** Where a finished line goes, without its newline. Default: standard error. */
  readonly write?: (line: string) => void;
  readonly clock?: Clock;
}

const severity = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 } as const;

/** Writes nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A logger that writes lines to standard error, or to `write`. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', format = 'text', clock = systemClock } = options;
  const write = options.write ?? standardError;
  const render = format === 'json' ? jsonLine : textLine;
  const log =
    (at: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (severity[at] < severity[level]) return;
      try {
        write(
          render({
            time: new Date(clock.now()),
            level: at,
            message: redact(message),
            fields: cleanFields(fields),
          }),
        );
      } catch {
        // A field that cannot be rendered or a closed pipe must not fail the work that wanted to say something.
      }
    };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

let isHeeded = false;

/**
 * What reads it may end before the process does (`… 2>&1 | head`, a log collector that is replaced). Each line would then
 * be an error event that nobody listens to, and the report of that another line, without end.
 */
function standardError(line: string): void {
  if (!isHeeded) process.stderr.on('error', () => undefined);
  isHeeded = true;
  process.stderr.write(`${line}\n`);
}

/** The same logger, but unable to throw: what it cannot write must not fail the work that wanted to say something. */
export function guarded(logger: Logger): Logger {
  const log = (at: LogLevel) => (message: string, fields?: LogFields) => {
    try {
      if (fields === undefined) logger[at](message);
      else logger[at](message, fields);
    } catch {
      // Nobody is left to tell.
    }
  };
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

/** The same logger, with `fields` on every line. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  const log = (at: LogLevel) => (message: string, own?: LogFields) =>
    logger[at](message, own === undefined ? fields : { ...fields, ...own });
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

interface Line {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

function cleanFields(fields: LogFields): Record<string, unknown> {
  const { error, ...rest } = fields;
  const clean = redactValue(rest) as Record<string, unknown>;
  return error === undefined ? clean : { ...clean, error: errorFields(error) };
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: errorText(error) };
  const code = (error as { code?: unknown }).code;
  return {
    ...(code === undefined ? {} : { code }),
    type: error.name,
    message: redact(error.message),
    ...(error.stack === undefined ? {} : { stack: redact(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: errorText(error.cause) }),
  };
}

function jsonLine({ time, level, message, fields }: Line): string {
  return JSON.stringify({ time: time.toISOString(), level, message, ...fields });
}

function textLine({ time, level, message, fields }: Line): string {
  const { error, ...rest } = fields as { error?: LoggedError };
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`);
  const stamp = `${time.toISOString().slice(11, 23)} ${level.toUpperCase().padEnd(5)}`;
  return `${stamp} ${message}${pairs.join('')}${errorLines(error, level)}`;
}

interface LoggedError {
  readonly type?: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: string;
}

function errorLines(error: LoggedError | undefined, level: LogLevel): string {
  if (error === undefined) return '';
  const cause = error.cause === undefined || error.message.includes(error.cause) ? '' : ` (${error.cause})`;
  const stack =
    // Our own errors say what to do; where they were made interests nobody who reads a terminal.
    level === 'error' && error.stack !== undefined && error.type !== 'CeleriacError'
      ? `\n${error.stack.split('\n').slice(1, 7).join('\n')}`
      : '';
  return `: ${error.message}${cause}${stack}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/u.test(value) ? value : JSON.stringify(value);
  const text: unknown = JSON.stringify(value);
  return typeof text === 'string' ? text : String(value);
}
