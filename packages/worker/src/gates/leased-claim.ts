/** A claim of a key while its handler runs: renewed until it is completed or released, which happens once. */
import { backoffMs, type Clock, type KeyStore, type Logger, type Timer } from '@celeriac/core';

export interface LeasedClaimParts {
  readonly store: KeyStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly key: string;
  readonly owner: string;
  readonly chain: string;
  readonly windowMs: number;
  readonly leaseMs: number;
  /** Monotonic: when the claim was asked for. */
  readonly askedAt: number;
}

export class LeasedClaim {
  #parts: LeasedClaimParts;
  #timer: Timer | undefined;
  #isOver = false;
  /** Monotonic. */
  #until: number;

  constructor(parts: LeasedClaimParts) {
    this.#parts = parts;
    this.#until = parts.askedAt + parts.leaseMs;
    this.#renewLater();
  }

  /** Writes down that it is done. With `mustKeep` tries on until the lease ends. Rejects with the store's error. */
  async complete(mustKeep: boolean): Promise<void> {
    const { store, clock, logger, key, owner, windowMs } = this.#parts;
    this.#end();
    for (let failures = 1; ; failures++) {
      try {
        const isOwn = await store.complete(key, { owner, windowMs });
        if (!isOwn) logger.warn('done, but its lease had ended and it was begun again elsewhere', { key });
        return;
      } catch (error) {
        if (!mustKeep || clock.monotonic() >= this.#until) throw error;
        await clock.sleep(
          backoffMs(failures, { firstMs: 200, longestMs: 2_000, random: () => clock.random() }),
        );
      }
    }
  }

  /** Gives it back, if it was not yet. Rejects with the store's error: it ends by itself then. */
  async release(retried: number | undefined): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    const { store, key, owner, chain, windowMs } = this.#parts;
    await store.release(key, { owner, chain, retried, windowMs });
  }

  /** The delivery is settled: nothing waits for it any more. */
  settled(): void {
    const { logger, key } = this.#parts;
    this.release(undefined).catch((error: unknown) => {
      logger.warn('a key was not given back, and is free when its lease ends', { key, error });
    });
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  #renewLater(): void {
    const { clock, leaseMs } = this.#parts;
    this.#timer = clock.after(leaseMs / 3, () => void this.#renew());
  }

  /** A store that does not answer is asked again: the claim may outlast that. */
  async #renew(): Promise<void> {
    const { store, clock, logger, key, owner, leaseMs } = this.#parts;
    const askedAt = clock.monotonic();
    try {
      const isOurs = await store.renew(key, { owner, leaseMs });
      if (this.#isOver) return;
      if (!isOurs) {
        logger.warn('its lease had ended, and it was begun again elsewhere: it goes on, beside the other', {
          key,
        });
        return;
      }
      this.#until = askedAt + leaseMs;
    } catch (error) {
      logger.warn('a lease was not renewed, trying on', { key, error });
    }
    if (!this.#isOver) this.#renewLater();
  }
}
