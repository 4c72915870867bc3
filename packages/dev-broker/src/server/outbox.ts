/**
 * Bytes on their way to a client: gathered, and sent together, once whatever they promise is kept. What cannot be kept
 * is not promised. Knows no frames.
 */
import type { Socket } from 'node:net';

import type { Clock } from '../engine/clock.js';

export interface OutboxOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  /** Called before bytes leave; what it throws keeps them here. */
  readonly keep: () => void;
  /** What was to be sent is gone. Called each time. */
  readonly notKept: (error: Error) => void;
}

export class Outbox {
  /** Milliseconds of the clock. */
  lastSent = 0;
  #options: OutboxOptions;
  #parts: Buffer[] = [];

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Leaves with the next flush, or at the latest after this turn of the event loop. */
  write(...parts: readonly Buffer[]): void {
    if (this.#parts.length === 0) setImmediate(() => this.flush());
    this.#parts.push(...parts);
  }

  flush(): void {
    if (this.#parts.length === 0) return;
    const { socket, clock, keep, notKept } = this.#options;
    const parts = this.#parts;
    this.#parts = [];
    try {
      keep();
    } catch (error) {
      notKept(error as Error); // there is no caller to tell: this may be a turn of its own
      return;
    }
    this.lastSent = clock.now();
    if (socket.writable) socket.write(Buffer.concat(parts));
  }
}
