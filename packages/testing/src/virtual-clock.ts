/**
 * A clock that moves only when a test says so, and dice that fall the same way every time. Timers fire in the order
 * of their times, inside `advance`, and promises settle in between. Never touches the machine's time.
 */
import { setImmediate } from 'node:timers';

import {
  CeleriacError,
  type Clock,
  type Duration,
  parseDuration,
  seededRandom,
  type Timer,
} from '@celeriac/core';

export interface VirtualClockOptions {
  /** What `now()` says at first: a Date, ISO 8601 text, or milliseconds since the epoch. Default 2026-01-01T00:00:00Z. */
  readonly start?: Date | string | number;
  /** Of `random()`. The same seed gives the same numbers. Default 1. */
  readonly seed?: number;
}

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Makes a clock for tests. Throws ERR_INPUT_INVALID for a start that is no moment. */
export function virtualClock(options: VirtualClockOptions = {}): VirtualClock {
  return new VirtualClock(options);
}

/** Fits wherever a Clock is taken: publishers, workers, `testApp`, and the embedded broker. */
export class VirtualClock implements Clock {
  readonly random: () => number;
  #start: number;
  #passed = 0;
  #order = 0;
  #waiting = new Set<Waiting>();

  constructor({ start = Date.UTC(2026, 0, 1), seed = 1 }: VirtualClockOptions) {
    this.#start = new Date(start).getTime();
    if (Number.isNaN(this.#start)) throw noMoment(start);
    this.random = seededRandom(seed);
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#waiting.size;
  }

  now(): number {
    return this.#start + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  after(delayMs: number, callback: () => void): Timer {
    const one = { at: this.#passed + Math.max(0, delayMs), order: this.#order++, callback };
    this.#waiting.add(one);
    return { cancel: () => void this.#waiting.delete(one) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.after(delayMs, finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }

  /**
   * Lets time pass: seconds, or text with a unit (`'500ms'`, `'10m'`). Fires what is due, in order; what a timer
   * starts that is due in the same span fires too. Resolves when everything that could settle has. What waits for
   * the network or a file has not: wait for its effect then, not for the clock. Rejects with what a timer throws, or
   * with ERR_INPUT_INVALID for a duration that is none.
   */
  async advance(duration: Duration): Promise<void> {
    const spanMs = Math.round(parseDuration(duration) * 1000);
    await settled(); // what is under way may have timers to start first
    await this.#passTo(this.#passed + spanMs);
  }

  /** As `advance`, to the moment of the next timer. False when none waits. */
  async advanceToNext(): Promise<boolean> {
    await settled();
    const next = this.#next(Infinity);
    if (next === undefined) return false;
    await this.#passTo(next.at); // it may be due in a fraction of a millisecond
    return true;
  }

  async #passTo(until: number): Promise<void> {
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#waiting.delete(next);
      this.#passed = Math.max(this.#passed, next.at);
      next.callback();
      await settled();
    }
    this.#passed = Math.max(this.#passed, until);
    await settled();
  }

  /** The earliest timer until then; of two at the same time the one that was started first. */
  #next(until: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const one of this.#waiting) {
      if (one.at > until) continue;
      if (first === undefined || one.at < first.at || (one.at === first.at && one.order < first.order))
        first = one;
    }
    return first;
  }
}

/** Lets time pass, timer by timer, until the work has ended or no timer waits. Never rejects. */
export async function advanceUntil(clock: VirtualClock, work: Promise<unknown>): Promise<void> {
  const state = { isOver: false };
  const note = (): void => {
    state.isOver = true;
  };
  work.then(note, note);
  await settled();
  while (!state.isOver && (await clock.advanceToNext()));
}

/** Resolves when the promises that can settle without anything from outside have. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

function noMoment(start: unknown): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `'${String(start)}' is not a moment for a clock to start at.`,
    hint: 'Use a Date, ISO 8601 text, or milliseconds since the epoch.',
    values: { start: String(start) },
  });
}
