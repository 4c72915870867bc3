/**
 * Whether a failed attempt is followed by another, and when. Pure: time and chance come in. Full jitter as in AWS
 * Architecture Blog, "Exponential backoff and jitter": many failures at once do not come back at once.
 */
import { isRetry } from '../retry.js';
import { longestDelaySeconds } from './delay.js';
import { defaultMax, type RetryPolicy } from './retry-options.js';

/** What is known of the attempt that failed. */
export interface AttemptFacts {
  /** Attempts before this one. */
  readonly retries: number;
  readonly policy: RetryPolicy;
  /** What the handler's own `retryIf` said: again, again after so many milliseconds, or not. Undefined: it has none. */
  readonly wish?: boolean | number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** A number in [0, 1). */
  readonly random: number;
  /** Milliseconds since the epoch; the message must not be started after. */
  readonly expires?: number | undefined;
}

/** Stable: written into the dead-letter queue. `exhausted`: no attempt left; `expires-first`: the next would be too late. */
export type GaveUp = 'exhausted' | 'expires-first' | 'not-retried';

export type RetryDecision =
  /** `of`: attempts in all; Infinity where there is no end. */
  | { readonly again: true; readonly delayMs: number; readonly of: number }
  /** `why` is undefined where nobody asked for retries. */
  | { readonly again: false; readonly why: GaveUp | undefined };

/** `codes`: names that the failure has beside the error's own. */
export function decideRetry(
  error: unknown,
  facts: AttemptFacts,
  codes: readonly string[] = [],
): RetryDecision {
  const { policy, retries, wish, expires, now } = facts;
  const asked = isRetry(error);
  const max = asked ? (error.max ?? policy.max ?? defaultMax) : policy.max;
  if (max === undefined) return { again: false, why: undefined };
  if (!asked && !(mayRetry(error, policy, codes) && wish !== false)) {
    return { again: false, why: 'not-retried' };
  }
  if (retries >= max) return { again: false, why: 'exhausted' };
  const delayMs = nextDelayMs(error, facts);
  if (expires !== undefined && now + delayMs >= expires) return { again: false, why: 'expires-first' };
  return { again: true, delayMs, of: max + 1 };
}

function nextDelayMs(error: unknown, { policy, retries, wish, random, now }: AttemptFacts): number {
  const own = isRetry(error) ? error.delayMs : typeof wish === 'number' ? wish : undefined;
  const delayMs = own ?? retryDelayMs(policy, retries, random);
  const least = Math.max(retryAfterMs(error, now), isRetry(error) ? retryAfterMs(error.cause, now) : 0);
  return Math.min(longestDelaySeconds * 1000, Math.max(delayMs, least));
}

/** Before the attempt that follows `retries` retries. */
export function retryDelayMs(
  policy: Pick<RetryPolicy, 'backoff' | 'delayMs' | 'maxDelayMs' | 'jitter'>,
  retries: number,
  random: number,
): number {
  const { backoff, delayMs, maxDelayMs, jitter } = policy;
  const grown = backoff === 'fixed' ? delayMs : delayMs * 2 ** Math.min(retries, 60);
  const cap = Math.min(maxDelayMs, grown);
  return jitter ? random * cap : cap;
}

function mayRetry(error: unknown, { never, only }: RetryPolicy, codes: readonly string[]): boolean {
  if (never.length === 0 && only === undefined) return true;
  const names = [...codes, ...errorNames(error)];
  const isNamed = (list: readonly string[]): boolean => list.some((name) => names.includes(name));
  return !isNamed(never) && (only === undefined || isNamed(only));
}

/** Its `name`, its `code`, and the names of its classes: a list that names a class means its subclasses too. */
function errorNames(error: unknown): readonly string[] {
  try {
    if (typeof error !== 'object' || error === null) return [typeof error];
    const { name, code } = error as { name?: unknown; code?: unknown };
    const names = [name, code];
    for (let one: unknown = Object.getPrototypeOf(error); one !== null; one = Object.getPrototypeOf(one)) {
      names.push((one as { constructor?: { name?: unknown } }).constructor?.name);
    }
    return names.filter((one) => typeof one === 'string');
  } catch {
    return []; // a getter or a proxy that throws: it has no name then
  }
}

/**
 * How long an error asks to be left alone, by its `retryAfter`: seconds, a Date, or the text of the HTTP header
 * (RFC 9110 §10.2.3: seconds or a date). 0 where it does not ask.
 */
export function retryAfterMs(error: unknown, now: number): number {
  try {
    const after = (error as { retryAfter?: unknown } | null | undefined)?.retryAfter;
    const wait = waitMs(after, now);
    return wait > 0 ? wait : 0; // NaN as well: what cannot be read asks for nothing
  } catch {
    return 0; // a getter that throws
  }
}

function waitMs(after: unknown, now: number): number {
  if (typeof after === 'number') return after * 1000;
  if (after instanceof Date) return after.getTime() - now;
  if (typeof after !== 'string') return 0;
  return /^\s*\d+\s*$/u.test(after) ? Number(after) * 1000 : Date.parse(after) - now;
}
