/**
 * Pauses a task that mostly fails, so that what it depends on can recover and its messages are not used up by attempts
 * that cannot succeed. What is held back waits in the broker. Says when it pauses a task and when it runs again.
 */
import { type Clock, isReject, type KillSwitch, type Logger, type Outcome, type Tell } from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';
import type { Work } from '../work.js';
import { Breaker, type Change, type Result } from './limits/breaker.js';
import { deferred } from './limits/deferred.js';
import type { TaskLimits } from './limits/task-limits.js';

/** A task is paused in this worker: it failed too often, or the one that was tried failed. */
export interface Tripped {
  readonly name: string;
  /** Of so many results in the window; 1 of 1 where it was paused already, and one was tried. */
  readonly failures: number;
  readonly results: number;
  /** Milliseconds until one is tried. */
  readonly pauseMs: number;
  /** True: it was paused already. */
  readonly isAgain: boolean;
}

/** One that was tried has succeeded: the task runs again. */
export interface Recovered {
  readonly name: string;
}

export interface KillSwitchEvents {
  tripped: [Tripped];
  recovered: [Recovered];
}

export interface KillSwitchParts {
  readonly limits: TaskLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tell: Tell<KillSwitchEvents>;
}

export class KillSwitchGate implements Gate {
  readonly name = 'the kill switch';
  #parts: KillSwitchParts;
  /** One per registered task. */
  #breakers = new Map<string, Breaker>();

  constructor(parts: KillSwitchParts) {
    this.#parts = parts;
  }

  admit({ name }: Work): Admission {
    const { limits, clock } = this.#parts;
    const options = limits.of(name)?.killSwitch;
    if (options === undefined) return undefined;
    const breaker = this.#breaker(name, options);
    const { waitMs, isTrial } = breaker.permission(clock.monotonic());
    // Spread over half a pause: those that were held back do not come all at once.
    if (waitMs > 0) return deferred(clock, waitMs + (clock.random() * options.pauseMs) / 2, 'kill switch');
    const ended = ({ outcome }: { readonly outcome: Outcome }): void => {
      const change = breaker.ended(resultOf(outcome), { isTrial, now: clock.monotonic() });
      if (change !== undefined) this.#say(name, options, change);
    };
    return { pass: { ended } };
  }

  #breaker(name: string, options: KillSwitch): Breaker {
    const breaker = this.#breakers.get(name) ?? new Breaker(options);
    this.#breakers.set(name, breaker);
    return breaker;
  }

  #say(name: string, { pauseMs }: KillSwitch, change: NonNullable<Change>): void {
    const { logger, tell } = this.#parts;
    if (change.kind === 'recovered') {
      logger.info('one succeeded: the task runs again', { name });
      tell('recovered', { name });
      return;
    }
    const { failures, results, isAgain } = change;
    const why = isAgain ? 'the one that was tried failed' : 'too many of them failed';
    const pause = pauseMs / 1000;
    logger.error(`the task is paused: ${why}`, { name, failures, results, pause });
    tell('tripped', { name, failures, results, pauseMs, isAgain });
  }
}

/** A rejection is about one message, and what was never started or was interrupted is about none. */
function resultOf(outcome: Outcome): Result {
  switch (outcome.kind) {
    case 'succeeded':
      return 'succeeded';
    case 'failed':
      return isReject(outcome.error) ? 'neither' : 'failed';
    case 'timedOut':
    case 'crashed':
      return 'failed';
    default:
      return 'neither';
  }
}
