/**
 * A clock that moves only when a test says so. Timers fire in the order of their times, inside `advance`. Never
 * touches the real time.
 */
import type { Clock, Timer } from '../../dist/clock.js';

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

/** Starts at `startMs` (milliseconds since the epoch); `random` gives 0.5. */
export class ManualClock implements Clock {
  /** The delays asked for with `sleep`, in order. */
  readonly slept: number[] = [];
  #start: number;
  #passed = 0;
  #waiting = new Set<Waiting>();

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#start = startMs;
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

  random(): number {
    return 0.5;
  }

  after(delayMs: number, callback: () => void): Timer {
    const one = { at: this.#passed + delayMs, callback };
    this.#waiting.add(one);
    return { cancel: () => void this.#waiting.delete(one) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(delayMs);
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.after(delayMs, finish);
      signal?.addEventListener('abort', finish);
    });
  }

  /** Lets `ms` pass, fires what is due, and then lets promises settle. */
  async advance(ms: number): Promise<void> {
    const until = this.#passed + ms;
    for (;;) {
      const due = [...this.#waiting].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#waiting.delete(due);
      this.#passed = Math.max(this.#passed, due.at);
      due.callback();
      await settled();
    }
    this.#passed = until;
    await settled();
  }
}

/** Resolves when the promises that can settle now have settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
