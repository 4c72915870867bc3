/** Time that stands still until it is told to go on. */
import type { Clock, Timer } from '../../dist/engine/clock.js';

interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  #waiting = new Set<Waiting>();

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): Timer {
    const waiting = { at: this.#now + ms, callback };
    this.#waiting.add(waiting);
    return { cancel: () => void this.#waiting.delete(waiting) };
  }

  /** Goes on, and calls what is due in the order of its time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#waiting].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#waiting.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}
