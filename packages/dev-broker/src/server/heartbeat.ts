/** Heartbeats of one connection: says when to send one, and when the other side has been silent for too long. */
import type { Clock, Timer } from '../engine/clock.js';

export interface HeartbeatSteps {
  readonly beat: () => void;
  readonly silent: () => void;
}

export class Heartbeat {
  #clock: Clock;
  #steps: HeartbeatSteps;
  #timer: Timer | undefined;
  #lastSent = 0;
  #lastReceived = 0;

  constructor(clock: Clock, steps: HeartbeatSteps) {
    this.#clock = clock;
    this.#steps = steps;
  }

  sent(): void {
    this.#lastSent = this.#clock.now();
  }

  received(): void {
    this.#lastReceived = this.#clock.now();
  }

  /** Sends one when nothing else was sent for half the time; gives up on a peer that is silent for two. 0 is never. */
  start(ms: number): void {
    if (ms === 0) return;
    this.#timer = this.#clock.after(ms / 2, () => {
      const now = this.#clock.now();
      if (now - this.#lastReceived > ms * 2) this.#steps.silent();
      if (now - this.#lastSent >= ms / 2) this.#steps.beat();
      if (this.#timer !== undefined) this.start(ms);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
