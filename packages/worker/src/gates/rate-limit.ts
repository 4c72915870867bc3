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
    const asked = lanes[rate.scope].ask(limits.key(work, rate.key), this.#pace(rate), isReturning);
    if (typeof asked === 'number') return this.#answer(asked);
    return asked.then(
      (waitMs) => this.#answer(waitMs),
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

  #answer(waitMs: number): Refusal | undefined {
    return waitMs === 0 ? undefined : deferred(this.#parts.clock, waitMs, 'rate limit');
  }

  #pace(rate: RateLimit): Pace {
    const known = this.#paces.get(rate) ?? paceOf(rate);
    this.#paces.set(rate, known);
    return known;
  }
}
