/**
 * How long those that found no seat stay away: about as long as those that wait will take, spread evenly, so that seats
 * are asked for as fast as they get free and not faster. An estimate of one worker; a wrong one costs time, no task.
 */
import { backoffMs, type Clock } from '@celeriac/core';

interface Known {
  /** Refused, and not seen with a seat since. */
  waiting: number;
  /** Of the last runs. */
  meanMs: number | undefined;
  askedAt: number;
}

/** Where nothing has run yet. */
const guess = { firstMs: 1_000, longestMs: 15_000 } as const;
const shortestMs = 1_000;
const longestMs = 60_000;
/** Then they have gone elsewhere. */
const forgetMs = 5 * 60_000;
const mostKeys = 10_000;
/** Of the newest run in the mean. */
const weight = 0.2;

export class Backlog {
  #clock: Clock;
  /** The longest unused first. */
  #keys = new Map<string, Known>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#keys.size;
  }

  /** Milliseconds to stay away. `deferrals`: how often it was refused before; `max`: seats. */
  refused(key: string, { deferrals, max }: { readonly deferrals: number; readonly max: number }): number {
    const known = this.#known(key);
    if (deferrals === 0) known.waiting++;
    const random = (): number => this.#clock.random();
    if (known.meanMs === undefined) return backoffMs(deferrals + 1, { ...guess, random });
    const horizonMs = (known.meanMs * known.waiting) / max;
    return random() * Math.min(longestMs, Math.max(shortestMs, horizonMs));
  }

  seated(key: string, deferrals: number): void {
    const known = this.#known(key);
    if (deferrals > 0) known.waiting = Math.max(0, known.waiting - 1);
  }

  ran(key: string, ms: number): void {
    const known = this.#known(key);
    known.meanMs = known.meanMs === undefined ? ms : known.meanMs + weight * (ms - known.meanMs);
  }

  #known(key: string): Known {
    const now = this.#clock.monotonic();
    let known = this.#keys.get(key);
    if (known === undefined) known = { waiting: 0, meanMs: undefined, askedAt: now };
    if (now - known.askedAt > forgetMs) known.waiting = 0;
    known.askedAt = now;
    this.#keys.delete(key);
    this.#keys.set(key, known);
    const [oldest] = this.#keys.keys();
    if (this.#keys.size > mostKeys && oldest !== undefined) this.#keys.delete(oldest);
    return known;
  }
}
