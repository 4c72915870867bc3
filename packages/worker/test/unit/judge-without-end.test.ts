/** Retries without end: what they are ended by all the same. */
import { type AttemptFacts, Retry, type Verdict } from '@celeriac/core';
import { expect } from 'chai';

import { judge } from '../../dist/judge.js';
import { noRetries } from '../support/fakes.js';

const error = new RangeError('boom');
const now = Date.UTC(2026, 0, 1);
const endless = { ...noRetries, max: Infinity, jitter: false, maxDelayMs: 5000 };
const fewer = { ...endless, max: 2 };

function judged(facts: Partial<AttemptFacts>, thrown: unknown = error): Verdict {
  const attempt: AttemptFacts = {
    ...{ retries: 0, policy: endless, wish: undefined, expires: undefined, now, random: 0 },
    ...facts,
  };
  return judge({ kind: 'failed', error: thrown }, { live: true, attempt });
}

describe('judge, of retries without end', () => {
  it('lets them go on, whatever their number', () => {
    expect(judged({ retries: 70_000 })).to.deep.include({
      kind: 'retry',
      attempt: 70_001,
      of: Infinity,
      delayMs: 5000,
    });
  });

  it('ends them with the expiry', () => {
    expect(judged({ retries: 9, expires: now + 5000 })).to.deep.include({
      kind: 'deadLetter',
      reason: 'failed',
      attempts: 10,
    });
  });

  it('ends them where the process crashes too often', () => {
    const attempt: AttemptFacts = {
      ...{ retries: 0, policy: endless, wish: undefined, expires: undefined, now, random: 0 },
    };
    const crashed = judge({ kind: 'crashed', error, crashes: 3, of: 3 }, { live: true, attempt });
    expect(crashed).to.deep.include({ kind: 'deadLetter', reason: 'crashed' });
  });

  it('goes by what a Retry says, over the policy', () => {
    expect(judged({ policy: fewer, retries: 2 }, new Retry({ delay: 1, max: null }))).to.deep.include({
      kind: 'retry',
      attempt: 3,
      of: Infinity,
      delayMs: 1000,
    });
    expect(judged({}, new Retry({ max: 0, cause: error }))).to.deep.include({ kind: 'deadLetter' });
  });
});
