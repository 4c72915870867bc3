/** One unit of work as `dispatch` sees it, whether it came as a task or as an event. Types only. */
import type { Delivery, Duration, Outcome, RetryPolicy, TaskMessage, Verdict } from '@celeriac/core';

import type { Cancellation } from './cancellation.js';

/**
 * Decides about one failure: true is another attempt, false is none, a duration is another after that long. `attempt`
 * is the number of the one that failed, from 1. What it throws is logged, and counts as no answer.
 */
export type RetryIf = (error: unknown, attempt: number) => boolean | Duration;

/**
 * A handler whose delivery was lost, with its connection or by the broker: `cancel` tells it to stop, and what it sends
 * is refused; `finish` lets it go to its end as if nothing had happened. The message is delivered again either way.
 */
export type OnLost = 'cancel' | 'finish';

export interface Work {
  readonly id: string;
  /** The task's name or the event's type. */
  readonly name: string;
  /** Milliseconds since the epoch; not to be started before, and not after. */
  readonly eta?: number | undefined;
  readonly expires?: number | undefined;
  readonly softLimitMs?: number | undefined;
  /** When the code is ended, where it can be. */
  readonly hardLimitMs?: number | undefined;
  /** How often it ended the thread or process that ran it before, and how often it may. */
  readonly crashes?: number | undefined;
  readonly maxCrashes?: number | undefined;
  /**
   * What the handler gets, for keys that are made of it: the validated input of a contract, the arguments
   * of a bare name as it is called, an event's message.
   */
  readonly input: unknown;
  /** The task as it was decoded, for pools that run it elsewhere. */
  readonly message?: TaskMessage | undefined;
  /** What becomes of a run whose delivery is lost. Default `cancel`. */
  readonly onLost?: OnLost | undefined;
  /** True: neither its arguments nor its result are shown to anyone. */
  readonly isSensitive?: boolean;
  /** Attempts before this one. */
  readonly retries: number;
  /** Asked after a failure. */
  readonly policy: RetryPolicy;
  readonly retryIf?: RetryIf | undefined;
  /** It waits for others, to be handled together with them: takes no slot, and runs in the worker itself. */
  readonly isBatched?: boolean | undefined;
  /** Runs the handler. `fencing` is what its context says. */
  readonly run: (cancellation: Cancellation, fencing?: number) => unknown;
}

/** What decides whether a failure is followed by another attempt. */
export type Tried = Pick<Work, 'id' | 'name' | 'retries' | 'policy' | 'expires' | 'retryIf'>;

/** An ending without work. */
export interface Ended {
  readonly outcome: Outcome;
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** What may be tried again, though it never came to its handler. */
  readonly tried?: Tried;
  /** The task as far as it was decoded. */
  readonly message?: TaskMessage;
}

/** What a delivery turned out to be: work, or an ending without any. */
export type Prepared = ({ readonly work: Work } | Ended) & {
  /** Told what became of the delivery. Never throws. */
  readonly settled?: (verdict: Verdict) => void;
};

/** Reads a delivery and finds its handler. Never throws. */
export type Prepare = (delivery: Delivery) => Prepared | Promise<Prepared>;
