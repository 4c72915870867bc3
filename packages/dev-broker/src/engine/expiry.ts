/**
 * When messages of a queue expire: at its head only, as in RabbitMQ, where one behind a longer-lived one (or one of
 * higher priority) waits for it.
 * Keeps one timer; what expires goes to `bury`.
 */
import type { Clock, Timer } from './clock.js';
import type { Entry, Message } from './message.js';
import type { ReadyList } from './ready-list.js';

export interface ExpiryOptions {
  readonly clock: Clock;
  readonly ready: ReadyList;
  /** Milliseconds; of the queue. */
  readonly messageTtl: number | undefined;
  readonly bury: (entry: Entry) => void;
}

export class Expiry {
  #options: ExpiryOptions;
  #timer: Timer | undefined;
  /** What the timer waits for. */
  #watched: number | undefined;
  #isNeeded: boolean;

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.#isNeeded = options.messageTtl !== undefined;
  }

  /** The lesser of the queue's and the message's own; undefined is never. */
  expiresAt({ properties: { expiration } }: Message): number | undefined {
    const { clock, messageTtl } = this.#options;
    const ttl = expiration === undefined ? messageTtl : Math.min(Number(expiration), messageTtl ?? Infinity);
    if (ttl === undefined) return undefined;
    this.#isNeeded = true;
    return clock.now() + ttl;
  }

  /** Something with an expiry of its own came from elsewhere. */
  restored(): void {
    this.#isNeeded = true;
  }

  drop(): void {
    if (!this.#isNeeded) return;
    const { clock, ready, bury } = this.#options;
    const now = clock.now();
    for (let { first } = ready; first?.expiresAt !== undefined && first.expiresAt <= now; { first } = ready) {
      ready.shift();
      bury(first);
    }
  }

  /** Waits for the next one. */
  watch(): void {
    if (!this.#isNeeded) return;
    const { clock, ready } = this.#options;
    const next = ready.first?.expiresAt;
    if (next === this.#watched) return;
    this.stop();
    this.#watched = next;
    if (next === undefined) return;
    this.#timer = clock.after(Math.max(0, next - clock.now()), () => {
      this.#watched = undefined;
      this.drop();
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#watched = undefined;
  }
}
