/** The lanes of the keys of rate limits: who may start, and who comes back when. In memory here: for one worker. */
import {
  type Asker,
  type Clock,
  isIdleLane,
  type Lane,
  type Logger,
  newLane,
  type Pace,
  takeTurn,
} from '@celeriac/core';

/** A port: in memory, or in Redis for all workers. */
export interface Lanes {
  /** Milliseconds until its turn; 0: it starts, and is counted. May reject: the store does not answer. */
  ask(key: string, pace: Pace, asker: Asker): number | Promise<number>;
}

/** About 2 MB. */
const mostKeys = 10_000;
/** How many of the longest unused are looked at for one that can be forgotten without effect. */
const mostLooks = 20;

export class MemoryLanes implements Lanes {
  /** The longest unused first. */
  #lanes = new Map<string, Lane>();
  #clock: Clock;
  #logger: Logger;
  #mostKeys: number;
  #hasWarned = false;

  constructor(clock: Clock, logger: Logger, most: number = mostKeys) {
    this.#clock = clock;
    this.#logger = logger;
    this.#mostKeys = most;
  }

  get size(): number {
    return this.#lanes.size;
  }

  ask(key: string, pace: Pace, asker: Asker): number {
    const now = this.#clock.monotonic() + 1e9; // so that 0 is long ago
    const { lane, waitMs } = takeTurn(this.#lanes.get(key) ?? newLane, pace, { ...asker, now });
    this.#lanes.delete(key);
    if (this.#lanes.size >= this.#mostKeys) this.#forgetOne(now);
    this.#lanes.set(key, lane);
    return waitMs;
  }

  #forgetOne(now: number): void {
    let looks = 0;
    let oldest: string | undefined;
    for (const [key, lane] of this.#lanes) {
      oldest ??= key;
      if (isIdleLane(lane, now)) return void this.#lanes.delete(key);
      if (++looks >= mostLooks) break;
    }
    if (oldest !== undefined) this.#lanes.delete(oldest);
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger.warn('more keys than a rate limit remembers: the longest unused begin anew', {
      keys: this.#mostKeys,
      hint: 'use fewer keys, or scope: global',
    });
  }
}
