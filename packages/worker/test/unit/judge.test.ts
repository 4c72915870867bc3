/** The verdict for every outcome, on a live and on a dead channel. Runs no handler and settles nothing. */
import type { Outcome } from '@celeriac/core';
import { expect } from 'chai';

import { judge } from '../../dist/judge.js';

const error = new Error('boom');
const giveBack = { kind: 'requeue', countsAsFailure: false };
const letter = (reason: string) => ({ kind: 'deadLetter', reason, error });

const table: readonly [Outcome, object][] = [
  [{ kind: 'succeeded', value: 1 }, { kind: 'ack' }],
  [{ kind: 'failed', error }, letter('failed')],
  [{ kind: 'timedOut', error, limitMs: 1 }, letter('timed-out')],
  [{ kind: 'aborted', error, by: 'shutdown' }, giveBack],
  [{ kind: 'aborted', error, by: 'lost' }, { kind: 'abandon' }],
  [
    { kind: 'malformed', error, reason: 'too-deep' },
    { ...letter('malformed'), detail: 'too-deep' },
  ],
  [{ kind: 'unknown', error }, letter('unknown')],
  [{ kind: 'invalid', error }, letter('invalid')],
  [{ kind: 'expired', error }, letter('expired')],
  [{ kind: 'tooEarly' }, giveBack],
  [{ kind: 'notStarted' }, giveBack],
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
