/** Refusals of limits: when the work is to come again, and why it was held back. Pure. */
import type { Clock, Outcome } from '@celeriac/core';

export interface Refusal {
  readonly outcome: Outcome;
}

export function deferred(clock: Clock, waitMs: number, because: string): Refusal {
  return { outcome: { kind: 'deferred', until: Math.ceil(clock.now() + waitMs), because } };
}

const closedMs = 2_000;

/** The store of a limit does not answer: the limit holds, and the work waits. */
export function withoutStore(clock: Clock, because: string): Refusal {
  return deferred(clock, closedMs + clock.random() * closedMs, because);
}
