/**
 * Whether a task that fails is paused: closed, open for a while, then half open until one has shown that it works
 * again. A circuit breaker (M. Nygard, "Release It!"), per task. Knows no clock and tells nobody.
 */
import type { KillSwitch } from '@celeriac/core';

/** How work that was let through ended: `neither` says nothing about the task. */
export type Result = 'succeeded' | 'failed' | 'neither';

/** What a result changed. */
export type Change =
  | undefined
  | {
      readonly kind: 'tripped';
      readonly failures: number;
      readonly results: number;
      readonly isAgain: boolean;
    }
  | { readonly kind: 'recovered' };

/** Milliseconds until it is worth asking again; 0: it may run, as the only one where `isTrial`. */
export interface Permission {
  readonly waitMs: number;
  readonly isTrial: boolean;
}

/** Results are counted in so many parts of `within`: the oldest part is forgotten at once. */
const parts = 10;

interface Part {
  readonly number: number;
  results: number;
  failures: number;
}

export class Breaker {
  #options: KillSwitch;
  #parts: Part[] = [];
  /** Until when it is open; undefined while closed. */
  #openUntil: number | undefined;
  #hasTrial = false;

  constructor(options: KillSwitch) {
    this.#options = options;
  }

  /** Times are milliseconds of one clock. */
  permission(now: number): Permission {
    if (this.#openUntil === undefined) return { waitMs: 0, isTrial: false };
    if (now < this.#openUntil) return { waitMs: this.#openUntil - now, isTrial: false };
    if (this.#hasTrial) return { waitMs: this.#options.pauseMs, isTrial: false };
    this.#hasTrial = true;
    return { waitMs: 0, isTrial: true };
  }

  /** Called once for everything that was let through. */
  ended(result: Result, { isTrial, now }: { isTrial: boolean; now: number }): Change {
    if (isTrial) return this.#trialEnded(result, now);
    if (result === 'neither' || this.#openUntil !== undefined) return undefined; // what began before it tripped
    const { results, failures } = this.#count(result, now);
    const { minimum, failures: most } = this.#options;
    if (results < minimum || failures <= most * results) return undefined;
    this.#open(now);
    return { kind: 'tripped', failures, results, isAgain: false };
  }

  #trialEnded(result: Result, now: number): Change {
    this.#hasTrial = false;
    if (result === 'neither') return undefined; // another one is tried
    if (result === 'failed') {
      this.#open(now);
      return { kind: 'tripped', failures: 1, results: 1, isAgain: true };
    }
    this.#openUntil = undefined;
    return { kind: 'recovered' };
  }

  #open(now: number): void {
    this.#openUntil = now + this.#options.pauseMs;
    this.#parts = [];
  }

  #count(result: Result, now: number): { results: number; failures: number } {
    const number = Math.floor(now / (this.#options.withinMs / parts));
    this.#parts = this.#parts.filter((part) => part.number > number - parts);
    let current = this.#parts.at(-1);
    if (current?.number !== number) {
      current = { number, results: 0, failures: 0 };
      this.#parts.push(current);
    }
    current.results++;
    if (result === 'failed') current.failures++;
    return {
      results: this.#parts.reduce((sum, part) => sum + part.results, 0),
      failures: this.#parts.reduce((sum, part) => sum + part.failures, 0),
    };
  }
}
