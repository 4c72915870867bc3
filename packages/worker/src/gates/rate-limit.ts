/**
 * Starts tasks no more often than their rate limits allow. What comes too soon gets its turn and waits for it in the
 * broker; nothing waits here, so that no task stands in another one's way.
 */
import {
  type Clock,
  deferralCount,
  type Delivery,
  type LimitScope,
  type Logger,
  type Pace,
  paceOf,
  type RateLimit,
} from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';
import type { ToldLimits } from '../control/told-limits.js';
import type { Work } from '../work.js';
import { deferred, type Refusal, withoutStore } from './limits/deferred.js';
import type { Lanes } from './limits/lanes.js';
import type { TaskLimits } from './limits/task-limits.js';

export interface RateLimitParts {
  /** Limits that were told while the worker runs. */
  readonly told: Pick<ToldLimits, 'rateOf' | 'hasRates'>;
  /** True when a registered task has a rate limit. */
  readonly hasOwn: boolean;
  readonly limits: TaskLimits;
  readonly lanes: Readonly<Record<LimitScope, Lanes>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RateLimitGate implements Gate {
  readonly name = 'the rate limit';
  #parts: RateLimitParts;
  #paces = new WeakMap<RateLimit, Pace>();

  constructor(parts: RateLimitParts) {
    this.#parts = parts;
  }

  get isIdle(): boolean {
    return !this.#parts.hasOwn && !this.#parts.told.hasRates;
  }

  admit(work: Work, { properties }: Delivery): Admission | Promise<Admission> {
    const { limits, lanes, logger, clock, told } = this.#parts;
    const other = told.rateOf(work.name);
    const rate = other === undefined ? limits.of(work.name)?.rate : other.rate;
    if (rate === undefined) return undefined;
    const isReturning = deferralCount(properties) > 0;
    const withinMs = work.expires === undefined ? Infinity : work.expires - clock.now();
    const asker = { isReturning, withinMs };
    const key = limits.key(work, rate.key);
    const lane = other === undefined ? key : `${key} told ${other.revision}`;
    const asked = lanes[rate.scope].ask(lane, this.#pace(rate), asker);
    if (typeof asked === 'number') return this.#answer(asked, withinMs);
    return asked.then(
      (waitMs) => this.#answer(waitMs, withinMs),
      (error: unknown) => {
        logger.debug('the rate limit cannot be asked: the task waits', {
          name: work.name,
          id: work.id,
          error,
        });
        return withoutStore(clock, 'rate limit unknown');
      },
    );
  }

  /** One that expires before its turn comes back when it expires: that is told then, and not at a turn it has not. */
  #answer(waitMs: number, withinMs: number): Refusal | undefined {
    if (waitMs === 0) return undefined;
    return deferred(this.#parts.clock, Math.max(1, Math.min(waitMs, withinMs)), 'rate limit');
  }

  #pace(rate: RateLimit): Pace {
    const known = this.#paces.get(rate) ?? paceOf(rate);
    this.#paces.set(rate, known);
    return known;
  }
}
