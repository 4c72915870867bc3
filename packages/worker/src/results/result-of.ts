/** What is told of how a delivery ended: from outcome and verdict to a state of Celery's. Pure. */
import { isRetry, type NewResult, type Outcome, type Verdict } from '@celeriac/core';

/** Undefined where the task has not ended: it runs again, here or elsewhere. `id` is the task's own. */
export function resultOf(outcome: Outcome, verdict: Verdict, id: string): NewResult | undefined {
  switch (verdict.kind) {
    case 'ack':
      if (outcome.kind !== 'succeeded') return undefined;
      if (outcome.valueError !== undefined) return { status: 'FAILURE', error: outcome.valueError };
      return { status: 'SUCCESS', value: outcome.value };
    case 'retry':
      // Celery tells the next attempt as a child: a task of the same id.
      return { status: 'RETRY', error: reason(verdict.error), children: [id] };
    case 'deadLetter':
      return verdict.reason === 'expired'
        ? { status: 'REVOKED', error: verdict.error }
        : { status: 'FAILURE', error: reason(verdict.error) };
    case 'continue':
    case 'postpone':
    case 'recount':
    case 'requeue':
    case 'abandon':
      return undefined;
  }
}

/** A handler that asks for another attempt names what went wrong as the cause. */
function reason(error: unknown): unknown {
  return isRetry(error) ? (error.cause ?? error) : error;
}
