/** The time a client has: to open its connection, and to hang up once it is closed. Keeps one timer. */
import type { Clock, Timer } from '../engine/clock.js';

/** As RabbitMQ (`handshake_timeout`). */
const handshakeMs = 10_000;
const closingMs = 5_000;

export class Deadline {
  #clock: Clock;
  #passed: () => void;
  #timer: Timer;

  /** Starts with the handshake. */
  constructor(
    clock: Clock,
    options: { readonly handshakeMs: number | undefined; readonly passed: () => void },
  ) {
    this.#clock = clock;
    this.#passed = options.passed;
    this.#timer = clock.after(options.handshakeMs ?? handshakeMs, this.#passed);
  }

  /** The client has made it, or is gone. */
  met(): void {
    this.#timer.cancel();
  }

  /** The connection is closed: the client may read that, and is hung up on then. */
  closing(): void {
    this.#timer.cancel();
    this.#timer = this.#clock.after(closingMs, this.#passed);
  }
}
