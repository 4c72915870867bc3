/**
 * How retries are asked for: by configuration, contract and handler, the later ones over the earlier, key by key.
 * Pure. What becomes of a failure is decided in `retry.ts`.
 */
import { inspect } from 'node:util';

import { type Duration, parseDuration } from '../config/duration.js';
import type { RetryConfig } from '../config/types.js';
import { CeleriacError } from '../errors.js';
import { nearest } from './nearest.js';

export interface RetryOptions {
  /** Attempts after the first; null: without end, as Celery's `max_retries=None`. Default 3. */
  readonly max?: number | null;
  /** `exponential` doubles the delay with every attempt; `fixed` does not. Default `exponential`. */
  readonly backoff?: 'exponential' | 'fixed';
  /** Before the first retry. Default `'1s'`. */
  readonly delay?: Duration;
  /** The longest delay that the backoff comes to. Default `'10m'`. */
  readonly maxDelay?: Duration;
  /** True: the delay is drawn between 0 and what the backoff comes to. Default: true for `exponential`. */
  readonly jitter?: boolean;
  /** Errors that are not tried again: names, classes of theirs, or codes. */
  readonly never?: readonly string[];
  /** Only these errors are tried again. */
  readonly only?: readonly string[];
}

/** How retries are done, complete. */
export interface RetryPolicy {
  /** Attempts after the first; Infinity: without end; undefined: nobody asked for any. */
  readonly max: number | undefined;
  readonly backoff: 'exponential' | 'fixed';
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly jitter: boolean;
  readonly never: readonly string[];
  readonly only: readonly string[] | undefined;
}

/** Where retries are asked for and not counted: as many as in Celery. */
export const defaultMax = 3;

const keys = ['max', 'backoff', 'delay', 'maxDelay', 'jitter', 'never', 'only'];
const mostRetries = 65_535;
export const retryCountAllowed: string = `a whole number from 0 to ${mostRetries}, or null for no end`;

/** Throws ERR_CONTRACT_INVALID for an option that is unknown or cannot be. */
export function checkRetryOptions(options: RetryOptions | undefined): void {
  if (options === undefined) return;
  for (const [key, value] of Object.entries(options)) {
    if (!keys.includes(key)) throw unknownKey(key);
    if (value !== undefined && !isAllowed(key, value)) throw wrongValue(key, value);
  }
}

/** The layers over the configuration. `asked`: retries are wanted though no layer has options of its own. */
export function retryPolicy(
  config: RetryConfig,
  layers: readonly (RetryOptions | undefined)[],
  asked = false,
): RetryPolicy {
  const given = layers.filter((layer) => layer !== undefined);
  const { max, max_delay: maxDelay, ...rest } = config;
  const merged = Object.assign({ maxDelay, ...rest }, ...given.map(present)) as Merged;
  const isAsked = asked || given.length > 0;
  return {
    max: attempts(merged.max) ?? max ?? (isAsked ? defaultMax : undefined),
    backoff: merged.backoff,
    delayMs: ms(merged.delay),
    maxDelayMs: ms(merged.maxDelay),
    jitter: merged.jitter ?? merged.backoff === 'exponential',
    never: merged.never,
    only: merged.only,
  };
}

type Merged = RetryOptions & Required<Pick<RetryOptions, 'backoff' | 'delay' | 'maxDelay' | 'never'>>;

function present(options: RetryOptions): RetryOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** As a policy counts them: null is a word for without end in options only. */
export function attempts(max: number | null | undefined): number | undefined {
  return max === null ? Infinity : max;
}

/** What `max` may be, here and in `Retry`. */
export function isRetryCount(value: unknown): boolean {
  return (
    value === null || (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= mostRetries)
  );
}

function ms(delay: Duration): number {
  return parseDuration(delay) * 1000;
}

function isAllowed(key: string, value: unknown): boolean {
  switch (key) {
    case 'max':
      return isRetryCount(value);
    case 'backoff':
      return value === 'exponential' || value === 'fixed';
    case 'jitter':
      return typeof value === 'boolean';
    case 'never':
    case 'only':
      return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
    default:
      return isDuration(value);
  }
}

function isDuration(value: unknown): boolean {
  try {
    parseDuration(value as Duration);
    return true;
  } catch {
    return false; // it throws for nothing else
  }
}

const allowed: Readonly<Record<string, string>> = {
  max: retryCountAllowed,
  backoff: "'exponential' or 'fixed'",
  jitter: 'true or false',
  never: 'a list of error names or codes',
  only: 'a list of error names or codes',
};

function wrongValue(key: string, value: unknown): CeleriacError {
  return new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `The retry option '${key}' cannot be ${inspect(value, { depth: 1 }).slice(0, 60)}.`,
    hint: `Allowed: ${allowed[key] ?? "a duration such as '500ms', '10s', '5m'"}.`,
    values: { key },
  });
}

function unknownKey(key: string): CeleriacError {
  const near = nearest(key, keys);
  return new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `There is no retry option '${key}'.${near === undefined ? '' : ` Nearest: '${near}'.`}`,
    hint: `Known are ${keys.join(', ')}.`,
    values: { key, known: keys },
  });
}
