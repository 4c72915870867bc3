/**
 * Runs one handler under its soft time limit. Never throws and never touches the broker: every ending is an
 * Outcome.
 */
import {
  CeleriacError,
  type Clock,
  isCheckpoint,
  isReplaced,
  type Logger,
  type Outcome,
  type Timer,
} from '@celeriac/core';

import type { Cancellation } from './cancellation.js';
import type { Work } from './work.js';

export interface ExecuteParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when handlers begin and end, to name the one that blocks the event loop. */
  readonly watch?: HandlerWatch | undefined;
}

export interface HandlerWatch {
  /** The handler is about to be called. */
  entered(work: Identified): void;
  /** It returned for the first time: with a promise, as a rule. */
  returned(work: Identified): void;
  /** It is done. */
  ended(work: Identified): void;
}

export interface Identified {
  readonly id: string;
  readonly name: string;
}

/** What of a piece of work is needed to run it. */
export type Runnable = Pick<Work, 'id' | 'name' | 'softLimitMs' | 'run'>;

/** The work, with its fencing number where it got one. */
export function fenced(work: Runnable, fencing: number | undefined): Runnable {
  if (fencing === undefined) return work;
  const { id, name, softLimitMs } = work;
  return { id, name, softLimitMs, run: (cancellation) => work.run(cancellation, fencing) };
}

export async function execute(
  work: Runnable,
  cancellation: Cancellation,
  parts: ExecuteParts,
): Promise<Outcome> {
  const timer = work.softLimitMs === undefined ? undefined : startDeadline(work, cancellation, parts);
  const { watch } = parts;
  watch?.entered(work);
  try {
    const running = work.run(cancellation);
    watch?.returned(work);
    return { kind: 'succeeded', value: await running };
  } catch (error) {
    // It may be what it does when it is told to stop.
    if (isCheckpoint(error)) {
      const { state, delayMs } = error;
      return { kind: 'checkpointed', state, delayMs };
    }
    return unhappyEnd(error, cancellation, work);
  } finally {
    watch?.ended(work);
    timer?.cancel();
  }
}

/** Tells the handler to stop at its soft time limit. */
export function startDeadline(
  work: Pick<Work, 'id' | 'name' | 'softLimitMs'>,
  cancellation: Cancellation,
  { clock, logger }: ExecuteParts,
): Timer {
  const limitMs = work.softLimitMs ?? Infinity;
  return clock.after(limitMs, () => {
    const seconds = limitMs / 1000;
    cancellation.cancel(
      'deadline',
      new CeleriacError('ERR_SOFT_TIME_LIMIT', {
        message: `'${work.name}' ran longer than its soft time limit of ${seconds} s.`,
        hint: 'Make it faster, split it, or raise the limit.',
        values: { name: work.name, id: work.id, limit: seconds },
      }),
    );
    logger.warn('over its soft time limit, told to stop', { name: work.name, id: work.id, limit: seconds });
  });
}

/** A handler that throws after it was told to stop did as it was told, whatever it threw. */
function unhappyEnd(error: unknown, { by }: Cancellation, work: Runnable): Outcome {
  if (isReplaced(error)) return { kind: 'replaced' };
  switch (by) {
    case undefined:
      return { kind: 'failed', error };
    case 'deadline':
      return { kind: 'timedOut', error, limitMs: work.softLimitMs ?? 0 };
    case 'revoked':
      return { kind: 'revoked', error, terminated: true };
    case 'shutdown':
    case 'lost':
      return { kind: 'aborted', error, by };
  }
}
