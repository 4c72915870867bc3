/**
 * What a handler throws to say what is to become of its message: `Retry` to have it again, `Reject` to have it put
 * aside. Data; `judge` acts on it.
 */
import { inspect } from 'node:util';

import { type Duration, parseDuration } from './config/duration.js';
import { CeleriacError } from './errors.js';
import { attempts, isRetryCount, retryCountAllowed } from './policy/retry-options.js';

/** Shared by every copy of this package in a process, where `instanceof` would say no. */
const retryBrand = Symbol.for('celeriac.retry');
const rejectBrand = Symbol.for('celeriac.reject');

export interface RetryRequest {
  /** Before the next attempt. Default: what the task's policy says. */
  readonly delay?: Duration;
  /** Attempts after the first, of this message, whatever the policy says; null: without end. */
  readonly max?: number | null;
  /** What went wrong; it is what the dead letter tells of when no attempt is left. */
  readonly cause?: unknown;
  /** Why, for the log. */
  readonly reason?: string;
}

/** Thrown by a handler: again later. Works without a retry policy as well; then there are three further attempts. */
export class Retry extends Error {
  override readonly name: string = 'Retry';
  /** Milliseconds; undefined: as the policy says. */
  readonly delayMs: number | undefined;
  /** Attempts after the first; Infinity: without end; undefined: as the policy says. */
  readonly max: number | undefined;

  /** Throws ERR_INPUT_INVALID for a delay or a number of attempts that is none. */
  constructor({ delay, max, cause, reason }: RetryRequest = {}) {
    super(reason ?? 'The handler asked to be run again.', cause === undefined ? undefined : { cause });
    Object.defineProperty(this, retryBrand, { value: true });
    this.delayMs = delay === undefined ? undefined : parseDuration(delay) * 1000;
    if (max !== undefined && !isRetryCount(max)) throw noCount(max);
    this.max = attempts(max);
  }
}

export interface RejectOptions {
  /** True: back to the queue, counted against its delivery limit. Default: to the dead-letter queue. */
  readonly requeue?: boolean;
  readonly cause?: unknown;
}

/** Thrown by a handler: no further attempt, whatever the policy says. */
export class Reject extends Error {
  override readonly name: string = 'Reject';
  readonly requeue: boolean;

  constructor(reason = 'The handler rejected the message.', { requeue = false, cause }: RejectOptions = {}) {
    super(reason, cause === undefined ? undefined : { cause });
    Object.defineProperty(this, rejectBrand, { value: true });
    this.requeue = requeue;
  }
}

function noCount(max: unknown): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `A Retry's 'max' cannot be ${inspect(max, { depth: 1 }).slice(0, 60)}.`,
    hint: `Allowed: ${retryCountAllowed}.`,
    values: { key: 'max' },
  });
}

export function isRetry(error: unknown): error is Retry {
  return isBranded(error, retryBrand);
}

export function isReject(error: unknown): error is Reject {
  return isBranded(error, rejectBrand);
}

function isBranded(error: unknown, brand: symbol): boolean {
  try {
    return typeof error === 'object' && error !== null && Object.hasOwn(error, brand);
  } catch {
    return false; // a revoked proxy: handlers may throw anything
  }
}
