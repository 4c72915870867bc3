/**
 * Runs no more of a task, or of a key, at once than its limit allows. What finds no seat comes again after a while, the
 * longer the more often it was refused; nothing waits here. Keeps no order among those that wait.
 */
import {
  backoffMs,
  type Clock,
  type ConcurrencyLimit,
  deferralCount,
  type Delivery,
  type LimitScope,
  type Logger,
} from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';
import type { Work } from '../work.js';
import { deferred, withoutStore } from './limits/deferred.js';
import type { GiveBack, Seats } from './limits/seats.js';
import type { TaskLimits } from './limits/task-limits.js';

export interface ConcurrencyParts {
  readonly limits: TaskLimits;
  readonly seats: Readonly<Record<LimitScope, Seats>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstMs = 1_000;
const longestMs = 15_000;

export class ConcurrencyGate implements Gate {
  readonly name = 'the limit of concurrency';
  #parts: ConcurrencyParts;

  constructor(parts: ConcurrencyParts) {
    this.#parts = parts;
  }

  admit(work: Work, delivery: Delivery): Admission | Promise<Admission> {
    const limit = this.#parts.limits.of(work.name)?.concurrency;
    return limit === undefined ? undefined : this.#seat(work, delivery, limit);
  }

  #seat(
    work: Work,
    delivery: Delivery,
    { key, max, scope }: ConcurrencyLimit,
  ): Admission | Promise<Admission> {
    const { limits, seats, clock, logger } = this.#parts;
    const answer = (giveBack: GiveBack | undefined): Admission => {
      if (giveBack !== undefined) return { pass: { settled: giveBack } };
      const random = (): number => clock.random();
      const waitMs = backoffMs(deferralCount(delivery.properties) + 1, { firstMs, longestMs, random });
      return deferred(clock, waitMs, 'concurrency');
    };
    const taken = seats[scope].take(limits.key(work, key), max);
    if (!(taken instanceof Promise)) return answer(taken);
    return taken.then(answer, (error: unknown) => {
      const what = { name: work.name, id: work.id, error };
      logger.error('the limit of concurrency cannot be asked: the task waits', what);
      return withoutStore(clock, 'concurrency unknown');
    });
  }
}
