/** What is told of how a delivery ended: from outcome and verdict to a state of Celery's. Pure. */
import { CeleriacError, isRetry, type NewResult, type Outcome, type Verdict } from '@celeriac/core';

/** Undefined where the task has not ended: it runs again, here or elsewhere. `id` is the task's own. */
export function resultOf(outcome: Outcome, verdict: Verdict, id: string): NewResult | undefined {
  // Its id may be that of a task of someone else.
  if (outcome.kind === 'untrusted') return undefined;
  switch (verdict.kind) {
    case 'ack':
      return acknowledged(outcome, id);
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

/** What was acknowledged as it had run before has its result already. */
function acknowledged(outcome: Outcome, id: string): NewResult | undefined {
  switch (outcome.kind) {
    case 'succeeded':
      if (outcome.valueError !== undefined) return { status: 'FAILURE', error: outcome.valueError };
      return { status: 'SUCCESS', value: outcome.value };
    case 'revoked':
      return { status: 'REVOKED', error: outcome.error };
    case 'superseded':
      return { status: 'REVOKED', error: superseded(id) };
    default:
      return undefined;
  }
}

function superseded(id: string): CeleriacError {
  return new CeleriacError('ERR_TASK_REVOKED', {
    message: 'A later task under the same key has replaced it.',
    hint: 'Wait for the later one: the last send under a key runs.',
    values: { id },
  });
}

/** A handler that asks for another attempt names what went wrong as the cause. */
export function reason(error: unknown): unknown {
  return isRetry(error) ? (error.cause ?? error) : error;
}
