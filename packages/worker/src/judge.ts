/**
 * Decides what becomes of a delivery, from how its handling ended. Pure, and the only place that decides: no
 * clock, no broker, no log. The table in its test is its documentation.
 */
import type { Outcome, Verdict } from '@celeriac/core';

export interface DeliveryFacts {
  /** False when the channel is gone: the broker has the message again, whatever happened here. */
  readonly live: boolean;
}

const ack: Verdict = { kind: 'ack' };
const abandon: Verdict = { kind: 'abandon' };
/** Not the message's fault: it must not count towards a delivery limit. */
const giveBack: Verdict = { kind: 'requeue', countsAsFailure: false };

export function judge(outcome: Outcome, { live }: DeliveryFacts): Verdict {
  if (!live) return abandon;
  switch (outcome.kind) {
    case 'succeeded':
      return ack;
    case 'failed':
      // A retry belongs here: attempts left and a delay would make it one.
      return { kind: 'deadLetter', reason: 'failed', error: outcome.error };
    case 'timedOut':
      return { kind: 'deadLetter', reason: 'timed-out', error: outcome.error };
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
    case 'notStarted':
      return giveBack;
  }
}
