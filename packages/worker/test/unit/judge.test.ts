/** The verdict for every outcome, on a live and on a dead channel. Runs no handler and settles nothing. */
import { type AttemptFacts, CeleriacError, type Outcome, Reject, Retry } from '@celeriac/core';
import { expect } from 'chai';

import { judge } from '../../dist/judge.js';
import { noRetries } from '../support/fakes.js';

const error = new RangeError('boom');
const hardLimit = new CeleriacError('ERR_HARD_TIME_LIMIT', { message: 'ended' });
const giveBack = { kind: 'requeue', countsAsFailure: false };
const letter = (reason: string) => ({ kind: 'deadLetter', reason, error });

const table: readonly [Outcome, object][] = [
  [{ kind: 'succeeded', value: 1 }, { kind: 'ack' }],
  [{ kind: 'revoked', error, terminated: false }, { kind: 'ack' }],
  [{ kind: 'revoked', error, terminated: true }, { kind: 'ack' }],
  [
    { kind: 'checkpointed', state: '1', delayMs: 5 },
    { kind: 'continue', state: '1', delayMs: 5 },
  ],
  [{ kind: 'failed', error }, letter('failed')],
  [{ kind: 'timedOut', error, limitMs: 1 }, letter('timed-out')],
  [
    { kind: 'crashed', error, crashes: 1, of: 3 },
    { ...letter('crashed'), crashes: 1 },
  ],
  [{ kind: 'aborted', error, by: 'shutdown' }, giveBack],
  [{ kind: 'aborted', error, by: 'lost' }, { kind: 'abandon' }],
  [
    { kind: 'malformed', error, reason: 'too-deep' },
    { ...letter('malformed'), detail: 'too-deep' },
  ],
  [
    { kind: 'untrusted', error, problem: 'replayed' },
    { ...letter('signature'), detail: 'replayed' },
  ],
  [{ kind: 'unfetched', error }, letter('payload')],
  [{ kind: 'unknown', error }, letter('unknown')],
  [{ kind: 'invalid', error }, letter('invalid')],
  [{ kind: 'expired', error }, letter('expired')],
  [
    { kind: 'tooEarly', eta: 7 },
    { kind: 'postpone', until: 7 },
  ],
  [
    { kind: 'deferred', until: 7, because: 'rate limit' },
    { kind: 'postpone', until: 7, isDeferred: true },
  ],
  [{ kind: 'notStarted' }, giveBack],
  [{ kind: 'repeated', because: 'done' }, { kind: 'ack' }],
  [{ kind: 'repeated', because: 'retried' }, { kind: 'ack' }],
  [{ kind: 'superseded' }, { kind: 'ack' }],
  [{ kind: 'overDelivered', error }, letter('delivery-limit')],
  [
    { kind: 'uncounted', deliveries: 3 },
    { kind: 'recount', deliveries: 3, delayMs: 0, inPassing: false },
  ],
  [
    { kind: 'suspected', deliveries: 5 },
    { kind: 'recount', deliveries: 5, delayMs: 2_000, inPassing: false },
  ],
];

describe('judge', () => {
  for (const [outcome, verdict] of table) {
    const name = 'by' in outcome ? `${outcome.kind} by ${outcome.by}` : outcome.kind;
    it(`on a live channel, turns ${name} into ${(verdict as { kind: string }).kind}`, () => {
      expect(judge(outcome, { live: true })).to.deep.equal(verdict);
    });
    it(`on a dead channel, abandons ${name}`, () => {
      expect(judge(outcome, { live: false })).to.deep.equal({ kind: 'abandon' });
    });
  }
});

describe('judge, of a message that a stopping worker returns', () => {
  const cases: readonly [string, { before: number; limit: number }, object][] = [
    ['keeps its place the first time', { before: 0, limit: 20 }, giveBack],
    [
      'is not counted again after that',
      { before: 1, limit: 20 },
      { kind: 'recount', deliveries: 1, delayMs: 0, inPassing: true },
    ],
    ['keeps its place where nothing is counted', { before: 7, limit: 0 }, giveBack],
  ];
  for (const [title, deliveries, verdict] of cases) {
    it(title, () => {
      expect(judge({ kind: 'notStarted' }, { live: true, deliveries })).to.deep.equal(verdict);
      expect(judge({ kind: 'aborted', error, by: 'shutdown' }, { live: true, deliveries })).to.deep.equal(
        verdict,
      );
    });
  }
});

const now = Date.UTC(2026, 0, 1);
const policy = { ...noRetries, max: 2 };
const asked = (delay?: number, cause?: unknown): Retry =>
  new Retry({ ...(delay === undefined ? {} : { delay }), cause });

interface Case {
  readonly title: string;
  readonly thrown?: unknown;
  readonly timedOut?: true | undefined;
  /** How often it crashed, of 3. */
  readonly crashed?: number | undefined;
  readonly facts?: Partial<AttemptFacts>;
  /** `1s` a retry after that long; else the dead letter's detail, or what else. */
  readonly then: string;
}

const attempts: readonly Case[] = [
  { title: 'a first failure is tried again', then: 'retry 1 of 3 in 1000' },
  { title: 'the delay doubles', facts: { retries: 1 }, then: 'retry 2 of 3 in 2000' },
  { title: 'no attempt is left', facts: { retries: 2 }, then: 'failed exhausted after 3' },
  { title: 'more were made than there are', facts: { retries: 9 }, then: 'failed exhausted after 10' },
  { title: 'nobody asked for retries', facts: { policy: noRetries }, then: 'failed after 1' },
  { title: 'max is 0', facts: { policy: { ...policy, max: 0 } }, then: 'failed exhausted after 1' },
  { title: 'the next comes before expiry', facts: { expires: now + 1001 }, then: 'retry 1 of 3 in 1000' },
  { title: 'the next would expire', facts: { expires: now + 1000 }, then: 'failed expires-first after 1' },
  {
    title: 'never names it',
    facts: { policy: { ...policy, never: ['RangeError'] } },
    then: 'failed not-retried after 1',
  },
  {
    title: 'never names another',
    facts: { policy: { ...policy, never: ['TypeError'] } },
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: 'only names its class',
    facts: { policy: { ...policy, only: ['Error'] } },
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: 'only names another',
    facts: { policy: { ...policy, only: ['TypeError'] } },
    then: 'failed not-retried after 1',
  },
  { title: 'retryIf says no', facts: { wish: false }, then: 'failed not-retried after 1' },
  { title: 'retryIf says yes', facts: { wish: true }, then: 'retry 1 of 3 in 1000' },
  { title: 'retryIf says when', facts: { wish: 7000 }, then: 'retry 1 of 3 in 7000' },
  {
    title: 'retryIf has no more attempts either',
    facts: { wish: 7000, retries: 2 },
    then: 'failed exhausted after 3',
  },
  {
    title: 'never is stronger than retryIf',
    facts: { wish: true, policy: { ...policy, never: ['RangeError'] } },
    then: 'failed not-retried after 1',
  },
  { title: 'a soft limit is retried', timedOut: true, then: 'retry 1 of 3 in 1000' },
  {
    title: 'a soft limit that never names',
    timedOut: true,
    facts: { policy: { ...policy, never: ['ERR_SOFT_TIME_LIMIT'] } },
    then: 'timed-out not-retried after 1',
  },
  {
    title: 'a hard limit where never names the soft one',
    timedOut: true,
    thrown: hardLimit,
    facts: { policy: { ...policy, never: ['ERR_SOFT_TIME_LIMIT'] } },
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: 'a hard limit that never names',
    timedOut: true,
    thrown: hardLimit,
    facts: { policy: { ...policy, never: ['ERR_HARD_TIME_LIMIT'] } },
    then: 'timed-out not-retried after 1',
  },
  {
    title: 'a crash without a policy',
    crashed: 1,
    facts: { policy: noRetries },
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: 'a second crash after a failure, without a policy',
    crashed: 2,
    facts: { policy: noRetries, retries: 2 },
    then: 'retry 3 of 4 in 2000',
  },
  { title: 'the last crash', crashed: 3, facts: { policy: noRetries, retries: 2 }, then: 'crashed after 3' },
  { title: 'a crash with a policy', crashed: 1, then: 'retry 1 of 3 in 1000' },
  {
    title: 'a crash with no attempt left',
    crashed: 1,
    facts: { retries: 2 },
    then: 'crashed exhausted after 3',
  },
  {
    title: 'the last crash, with attempts left',
    crashed: 3,
    facts: { policy: { ...policy, max: 9 } },
    then: 'crashed after 1',
  },
  {
    title: 'a crash where max is 0',
    crashed: 1,
    facts: { policy: { ...policy, max: 0 } },
    then: 'crashed exhausted after 1',
  },
  {
    title: 'a crash whose next attempt would expire',
    crashed: 1,
    facts: { policy: noRetries, expires: now + 1000 },
    then: 'crashed expires-first after 1',
  },
  {
    title: 'never names the soft limit, and it was none',
    facts: { policy: { ...policy, never: ['ERR_SOFT_TIME_LIMIT'] } },
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: 'Retry without a policy',
    thrown: asked(),
    facts: { policy: noRetries },
    then: 'retry 1 of 4 in 1000',
  },
  {
    title: 'Retry, the fourth time without a policy',
    thrown: asked(5, error),
    facts: { policy: noRetries, retries: 3 },
    then: 'failed exhausted after 4',
  },
  { title: 'Retry with a delay', thrown: asked(5), then: 'retry 1 of 3 in 5000' },
  { title: 'Retry at once', thrown: asked(0), then: 'retry 1 of 3 in 0' },
  {
    title: 'Retry where never names its cause',
    thrown: asked(1, error),
    facts: { policy: { ...policy, never: ['RangeError', 'Retry'] } },
    then: 'retry 1 of 3 in 1000',
  },
  { title: 'Reject', thrown: new Reject('no', { cause: error }), then: 'rejected after 1' },
  { title: 'Reject to the queue', thrown: new Reject('no', { requeue: true }), then: 'requeue as failure' },
  {
    title: 'Reject without a policy',
    thrown: new Reject(undefined, { cause: error }),
    facts: { policy: noRetries },
    then: 'rejected after 1',
  },
  {
    title: 'Retry-After in seconds',
    thrown: Object.assign(new Error(), { retryAfter: 90 }),
    then: 'retry 1 of 3 in 90000',
  },
  {
    title: 'Retry-After that is shorter',
    thrown: Object.assign(new Error(), { retryAfter: 0.1 }),
    then: 'retry 1 of 3 in 1000',
  },
  {
    title: "Retry-After of a Retry's cause",
    thrown: asked(1, { retryAfter: '120' }),
    then: 'retry 1 of 3 in 120000',
  },
];

describe('judge, of a failed attempt', () => {
  for (const { title, thrown = error, timedOut, crashed, facts, then } of attempts) {
    it(`${title}: ${then}`, () => {
      const attempt: AttemptFacts = { retries: 0, policy, now, random: 0.5, ...facts };
      expect(shown(outcomeOf({ thrown, timedOut, crashed }), attempt)).to.equal(then);
    });
  }
});

function outcomeOf({ thrown, timedOut, crashed }: Omit<Case, 'title' | 'then'>): Outcome {
  if (crashed !== undefined) return { kind: 'crashed', error: thrown, crashes: crashed, of: 3 };
  if (timedOut === true) return { kind: 'timedOut', error: thrown, limitMs: 1 };
  return { kind: 'failed', error: thrown };
}

function shown(outcome: Outcome, attempt: AttemptFacts): string {
  const verdict = judge(outcome, { live: true, attempt });
  switch (verdict.kind) {
    case 'retry':
      return `retry ${verdict.attempt} of ${verdict.of} in ${verdict.delayMs}`;
    case 'deadLetter':
      expect([error, hardLimit]).to.include(verdict.error);
      return [verdict.reason, verdict.detail, `after ${verdict.attempts}`].filter(Boolean).join(' ');
    case 'requeue':
      return verdict.countsAsFailure ? 'requeue as failure' : 'requeue';
    default:
      return verdict.kind;
  }
}
