/** One timer for many deadlines: it fires at the earliest of those it watches. Knows nothing of what they are for. */
import type { Clock, Timer } from '../clock.js';

export class EarliestTimer {
  #clock: Clock;
  #fire: () => void;
  #timer: Timer | undefined;
  #at = Infinity;

  /** `fire` is called when the earliest deadline has come; it watches again what is still open. */
  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  /** `at`: monotonic milliseconds. */
  watch(at: number): void {
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = this.#clock.after(at - this.#clock.monotonic(), () => {
      this.#at = Infinity;
      this.#fire();
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#at = Infinity;
  }
}
