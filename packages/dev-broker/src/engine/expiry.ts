/**
 * When messages of a queue expire: at its head only, as in RabbitMQ, where one behind a longer-lived one waits for it.
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
    const now = this.#options.clock.now();
    const isOver = ({ expiresAt }: Entry): boolean => expiresAt !== undefined && expiresAt <= now;
    for (const entry of this.#options.ready.shiftWhile(isOver)) this.#options.bury(entry);
  }

  /** Waits for the next one. */
  watch(): void {
    if (!this.#isNeeded) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock, ready } = this.#options;
    const next = Math.min(...ready.heads().map(({ expiresAt }) => expiresAt ?? Infinity));
    if (next === Infinity) return;
    this.#timer = clock.after(Math.max(0, next - clock.now()), () => {
      this.drop();
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
