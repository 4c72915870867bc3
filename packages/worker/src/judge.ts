/**
 * Decides what becomes of a delivery, from how its handling ended. Pure, and the only place that decides: no
 * clock, no broker, no log. The table in its test is its documentation.
 */
import {
  type AttemptFacts,
  type DeadLetterReason,
  decideRetry,
  isCeleriacError,
  isReject,
  isRetry,
  type Outcome,
  retryDelayMs,
  type Verdict,
} from '@celeriac/core';

export interface DeliveryFacts {
  /** False when the channel is gone: the broker has the message again, whatever happened here. */
  readonly live: boolean;
  /** Of the attempt that was made; absent where none was. */
  readonly attempt?: AttemptFacts | undefined;
  /** False: how it ended could not be kept, so the message must not go. Default true. */
  readonly isKept?: boolean;
  /** How often it was delivered before, and how often it may be; 0 is without limit. */
  readonly deliveries?: { readonly before: number; readonly limit: number } | undefined;
}

const ack: Verdict = { kind: 'ack' };
const abandon: Verdict = { kind: 'abandon' };
/** Not the message's fault: it must not count towards a delivery limit. */
const giveBack: Verdict = { kind: 'requeue', countsAsFailure: false };
/** What a soft time limit is called in `never` and `only`, whatever the handler threw when it fired. */
const softLimitCodes = ['ERR_SOFT_TIME_LIMIT'];

/** Until it is looked at again whether another one runs that may end the process. */
const suspectedMs = 2_000;

export function judge(
  outcome: Outcome,
  { live, attempt, deliveries, isKept = true }: DeliveryFacts,
): Verdict {
  if (!live) return abandon;
  if (!isKept) return giveBack;
  switch (outcome.kind) {
    case 'succeeded':
    case 'revoked':
      return ack;
    case 'checkpointed':
      return { kind: 'continue', state: outcome.state, delayMs: outcome.delayMs };
    case 'failed':
      return judgeFailure(outcome.error, { reason: 'failed', attempt });
    case 'timedOut':
      return judgeFailure(outcome.error, { reason: 'timed-out', attempt, codes: limitCodes(outcome.error) });
    case 'crashed':
      return judgeCrash(outcome, attempt);
    case 'aborted':
      return outcome.by === 'lost' ? abandon : judgeReturn(deliveries);
    case 'unfetched':
      return judgeFailure(outcome.error, { reason: 'payload', attempt });
    case 'malformed':
      return { kind: 'deadLetter', reason: 'malformed', detail: outcome.reason, error: outcome.error };
    case 'untrusted':
      return { kind: 'deadLetter', reason: 'signature', detail: outcome.problem, error: outcome.error };
    case 'unknown':
      return { kind: 'deadLetter', reason: 'unknown', error: outcome.error };
    case 'invalid':
      return { kind: 'deadLetter', reason: 'invalid', error: outcome.error };
    case 'expired':
      return { kind: 'deadLetter', reason: 'expired', error: outcome.error };
    case 'tooEarly':
      return { kind: 'postpone', until: outcome.eta };
    case 'deferred':
      return { kind: 'postpone', until: outcome.until, isDeferred: true };
    case 'repeated':
    case 'replaced':
    case 'superseded':
      return ack;
    case 'overDelivered':
      return { kind: 'deadLetter', reason: 'delivery-limit', error: outcome.error };
    case 'uncounted':
      return { kind: 'recount', deliveries: outcome.deliveries, delayMs: 0, inPassing: false };
    case 'suspected':
      return { kind: 'recount', deliveries: outcome.deliveries, delayMs: suspectedMs, inPassing: false };
    case 'notStarted':
      return judgeReturn(deliveries);
  }
}

/** The hard limit has its code; a handler that heeds the soft one may throw anything. */
function limitCodes(error: unknown): readonly string[] {
  return isCeleriacError(error, 'ERR_HARD_TIME_LIMIT') ? [] : softLimitCodes;
}

/**
 * A worker that stops has not failed, but up to RabbitMQ 4.2 returning a message counts all the same. The first time
 * that does no harm and keeps its place; from then on it is returned as a copy that keeps the count it had.
 */
function judgeReturn(deliveries: DeliveryFacts['deliveries']): Verdict {
  if (deliveries === undefined || deliveries.limit === 0 || deliveries.before === 0) return giveBack;
  return { kind: 'recount', deliveries: deliveries.before, delayMs: 0, inPassing: true };
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

/**
 * What ends a child may not be the task's own fault (the machine ran out of memory), so it is tried again even where
 * nobody asked for retries; but only a few times, or one message would end child after child. A retry policy, where
 * there is one, has to allow it as well.
 */
function judgeCrash(outcome: Extract<Outcome, { kind: 'crashed' }>, attempt?: AttemptFacts): Verdict {
  const { error, crashes, of } = outcome;
  const isLast = crashes >= of;
  if (attempt === undefined || isLast) {
    const tried = attempt === undefined ? {} : { attempts: attempt.retries + 1 };
    return { kind: 'deadLetter', reason: 'crashed', ...tried, crashes, error };
  }
  const { policy, retries, random, now, expires } = attempt;
  if (policy.max !== undefined) {
    const verdict = judgeFailure(error, { reason: 'crashed', attempt });
    return verdict.kind === 'retry' || verdict.kind === 'deadLetter' ? { ...verdict, crashes } : verdict;
  }
  const delayMs = retryDelayMs(policy, crashes - 1, random);
  if (expires === undefined || now + delayMs < expires) {
    return { kind: 'retry', delayMs, attempt: retries + 1, of: retries + 1 + of - crashes, crashes, error };
  }
  const detail = 'expires-first';
  return { kind: 'deadLetter', reason: 'crashed', detail, attempts: retries + 1, crashes, error };
}
