/**
 * Decides what becomes of a delivery, from how its handling ended. Pure, and the only place that decides: no
 * clock, no broker, no log. The table in its test is its documentation.
 */
import {
  type AttemptFacts,
  type DeadLetterReason,
  decideRetry,
  isReject,
  isRetry,
  type Outcome,
  type Verdict,
} from '@celeriac/core';

export interface DeliveryFacts {
  /** False when the channel is gone: the broker has the message again, whatever happened here. */
  readonly live: boolean;
  /** Of the attempt that was made; absent where none was. */
  readonly attempt?: AttemptFacts | undefined;
}

const ack: Verdict = { kind: 'ack' };
const abandon: Verdict = { kind: 'abandon' };
/** Not the message's fault: it must not count towards a delivery limit. */
const giveBack: Verdict = { kind: 'requeue', countsAsFailure: false };
/** What a soft time limit is called in `never` and `only`, whatever the handler threw when it fired. */
const timeLimitCodes = ['ERR_SOFT_TIME_LIMIT'];

export function judge(outcome: Outcome, { live, attempt }: DeliveryFacts): Verdict {
  if (!live) return abandon;
  switch (outcome.kind) {
    case 'succeeded':
      return ack;
    case 'failed':
      return judgeFailure(outcome.error, { reason: 'failed', attempt });
    case 'timedOut':
      return judgeFailure(outcome.error, { reason: 'timed-out', attempt, codes: timeLimitCodes });
    case 'aborted':
      return outcome.by === 'lost' ? abandon : giveBack;
    case 'malformed':
      return { kind: 'deadLetter', reason: 'malformed', detail: outcome.reason, error: outcome.error };
    case 'unknown':
      return { kind: 'deadLetter', reason: 'unknown', error: outcome.error };
    case 'invalid':
      return { kind: 'deadLetter', reason: 'invalid', error: outcome.error };
    case 'expired':
      return { kind: 'deadLetter', reason: 'expired', error: outcome.error };
    case 'tooEarly':
      return { kind: 'postpone', until: outcome.eta };
    case 'notStarted':
      return giveBack;
  }
}

interface Failure {
  readonly reason: DeadLetterReason;
  readonly attempt: AttemptFacts | undefined;
  readonly codes?: readonly string[];
}

function judgeFailure(error: unknown, { reason, attempt, codes }: Failure): Verdict {
  const tried = attempt === undefined ? {} : { attempts: attempt.retries + 1 };
  if (isReject(error)) {
    if (error.requeue) return { kind: 'requeue', countsAsFailure: true };
    return { kind: 'deadLetter', reason: 'rejected', ...tried, error: error.cause ?? error };
  }
  if (attempt === undefined) return { kind: 'deadLetter', reason, error };
  const decision = decideRetry(error, attempt, codes);
  if (decision.again) {
    const { delayMs, of } = decision;
    return { kind: 'retry', delayMs, attempt: attempt.retries + 1, of, error };
  }
  const detail = decision.why === undefined ? {} : { detail: decision.why };
  // A handler that asked for retries names what went wrong as the cause.
  const told = isRetry(error) ? (error.cause ?? error) : error;
  return { kind: 'deadLetter', reason, ...detail, ...tried, error: told };
}
