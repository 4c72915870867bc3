/**
 * Limits that all workers share: asks their store, and, while it does not answer, does what `when_unavailable` says:
 * `run` keeps the limits of this worker alone, `wait` has whoever asks wait.
 */
import { randomUUID } from 'node:crypto';

import type { Asker, Clock, LimitStore, Logger, Pace, Timer } from '@celeriac/core';

import type { Lanes } from './lanes.js';
import type { GiveBack, Seats } from './seats.js';

export interface SharedLimitsParts {
  readonly store: LimitStore;
  /** What a worker does for itself. */
  readonly own: { readonly lanes: Lanes; readonly seats: Seats };
  readonly whenUnavailable: 'run' | 'wait';
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class SharedLanes implements Lanes {
  #parts: SharedLimitsParts;

  constructor(parts: SharedLimitsParts) {
    this.#parts = parts;
  }

  async ask(key: string, pace: Pace, asker: Asker): Promise<number> {
    const { store, own, whenUnavailable } = this.#parts;
    try {
      return await store.turn(key, { ...pace, ...asker });
    } catch (error) {
      if (whenUnavailable === 'wait') throw error;
      return own.lanes.ask(key, pace, asker); // its connection has logged that it is gone
    }
  }
}

export class SharedSeats implements Seats {
  #parts: SharedLimitsParts;

  constructor(parts: SharedLimitsParts) {
    this.#parts = parts;
  }

  async take(key: string, max: number): Promise<GiveBack | undefined> {
    const { store, own, whenUnavailable, leaseMs } = this.#parts;
    const owner = randomUUID();
    try {
      if (!(await store.takeSeat(key, { owner, leaseMs, max }))) return undefined;
    } catch (error) {
      // It may have been taken all the same: then it gets free when its lease ends.
      if (whenUnavailable === 'wait') throw error;
      return own.seats.take(key, max);
    }
    return this.#hold(key, owner);
  }

  /** Renews the lease until the seat is given back. A renewal that fails is tried again at the next. */
  #hold(key: string, owner: string): GiveBack {
    const { store, clock, leaseMs, logger } = this.#parts;
    let timer: Timer;
    const renew = (): void => {
      timer = clock.after(leaseMs / 3, renew, { ref: false });
      store.renewSeat(key, { owner, leaseMs }).catch((error: unknown) => {
        logger.warn('the lease of a limit was not renewed: when it ends, one more may run', { key, error });
      });
    };
    timer = clock.after(leaseMs / 3, renew, { ref: false });
    return () => {
      timer.cancel();
      store.giveSeatBack(key, owner).catch((error: unknown) => {
        logger.debug('the seat of a limit was not given back: it gets free when its lease ends', {
          key,
          error,
        });
      });
    };
  }
}
