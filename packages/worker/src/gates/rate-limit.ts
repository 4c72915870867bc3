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
import type { Work } from '../work.js';
import { deferred, type Refusal, withoutStore } from './limits/deferred.js';
import type { Lanes } from './limits/lanes.js';
import type { TaskLimits } from './limits/task-limits.js';

export interface RateLimitParts {
  readonly limits: TaskLimits;
  readonly lanes: Readonly<Record<LimitScope, Lanes>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class RateLimitGate implements Gate {
  readonly name = 'the rate limit';
  #parts: RateLimitParts;
  #paces = new Map<RateLimit, Pace>();

  constructor(parts: RateLimitParts) {
    this.#parts = parts;
  }

  admit(work: Work, { properties }: Delivery): Admission | Promise<Admission> {
    const { limits, lanes, logger, clock } = this.#parts;
    const rate = limits.of(work.name)?.rate;
    if (rate === undefined) return undefined;
    const isReturning = deferralCount(properties) > 0;
    const withinMs = work.expires === undefined ? Infinity : work.expires - clock.now();
    const asker = { isReturning, withinMs };
    const asked = lanes[rate.scope].ask(limits.key(work, rate.key), this.#pace(rate), asker);
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
