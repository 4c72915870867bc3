/**
 * Runs no more of a task, or of a key, at once than its limit allows. What finds no seat comes again after a while, the
 * longer the more of them wait; nothing waits here. Keeps no order among those that wait.
 */
import {
  type Clock,
  type ConcurrencyLimit,
  deferralCount,
  type Delivery,
  type LimitScope,
  type Logger,
} from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';
import type { Work } from '../work.js';
import { Backlog } from './limits/backlog.js';
import { deferred, withoutStore } from './limits/deferred.js';
import type { GiveBack, Seats } from './limits/seats.js';
import type { TaskLimits } from './limits/task-limits.js';

export interface ConcurrencyParts {
  readonly limits: TaskLimits;
  readonly seats: Readonly<Record<LimitScope, Seats>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ConcurrencyGate implements Gate {
  readonly name = 'the limit of concurrency';
  #parts: ConcurrencyParts;
  #backlog: Backlog;

  constructor(parts: ConcurrencyParts) {
    this.#parts = parts;
    this.#backlog = new Backlog(parts.clock);
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
    const one = limits.key(work, key);
    const deferrals = deferralCount(delivery.properties);
    const answer = (giveBack: GiveBack | undefined): Admission => {
      if (giveBack !== undefined) return this.#pass(giveBack, one, deferrals);
      return deferred(clock, this.#backlog.refused(one, { deferrals, max }), 'concurrency');
    };
    const taken = seats[scope].take(one, max);
    if (!(taken instanceof Promise)) return answer(taken);
    return taken.then(answer, (error: unknown) => {
      const what = { name: work.name, id: work.id, error };
      logger.debug('the limit of concurrency cannot be asked: the task waits', what);
      return withoutStore(clock, 'concurrency unknown');
    });
  }

  #pass(giveBack: GiveBack, key: string, deferrals: number): Admission {
    const { clock } = this.#parts;
    const from = clock.monotonic();
    this.#backlog.seated(key, deferrals);
    const settled = (): void => {
      this.#backlog.ran(key, clock.monotonic() - from);
      giveBack();
    };
    return { pass: { settled } };
  }
}
