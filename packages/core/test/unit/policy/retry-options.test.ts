/** How configuration, contract and handler make one retry policy. */
import { expect } from 'chai';

import { checkRetryOptions, retryPolicy } from '../../../dist/policy/retry-options.js';

const config = { backoff: 'exponential', delay: 1, max_delay: 600, never: [] } as const;

describe('retryPolicy', () => {
  it('asks for no retries where nobody did', () => {
    expect(retryPolicy(config, [undefined, undefined])).to.deep.equal({
      max: undefined,
      backoff: 'exponential',
      delayMs: 1000,
      maxDelayMs: 600_000,
      jitter: true,
      never: [],
      only: undefined,
    });
  });

  it('makes three where they are asked for without a number, by options or by retryIf', () => {
    expect(retryPolicy(config, [{}]).max).to.equal(3);
    expect(retryPolicy(config, [undefined], true).max).to.equal(3);
    expect(retryPolicy({ ...config, max: 7 }, [{}]).max).to.equal(7);
    expect(retryPolicy({ ...config, max: 7 }, []).max).to.equal(7);
  });

  it('has no end where null asks for that, over a number and under one', () => {
    expect(retryPolicy(config, [{ max: null }]).max).to.equal(Infinity);
    expect(retryPolicy({ ...config, max: 7 }, [{ max: 1 }, { max: null }]).max).to.equal(Infinity);
    expect(retryPolicy({ ...config, max: Infinity }, [undefined]).max).to.equal(Infinity);
    expect(retryPolicy({ ...config, max: Infinity }, [{ max: null }, { max: 0 }]).max).to.equal(0);
  });

  it('lets the later layer win, key by key', () => {
    const policy = retryPolicy({ ...config, max: 1, never: ['A'] }, [
      { max: 2, delay: '5s', maxDelay: '1m', only: ['B'] },
      { delay: '7s', never: ['C'], max: undefined as unknown as number },
    ]);
    expect(policy).to.deep.include({ max: 2, delayMs: 7000, maxDelayMs: 60_000, never: ['C'], only: ['B'] });
  });

  it('has no jitter for fixed delays, unless it is asked for', () => {
    expect(retryPolicy(config, [{ backoff: 'fixed' }]).jitter).to.equal(false);
    expect(retryPolicy(config, [{ backoff: 'fixed', jitter: true }]).jitter).to.equal(true);
    expect(retryPolicy({ ...config, jitter: false }, []).jitter).to.equal(false);
  });
});

describe('checkRetryOptions', () => {
  const wrong: readonly Record<string, unknown>[] = [
    { max: -1 },
    { max: 1.5 },
    { max: '3' },
    { max: Infinity },
    { max: 'unlimited' },
    { backoff: 'linear' },
    { delay: 'soon' },
    { maxDelay: -1 },
    { jitter: 'yes' },
    { never: 'TypeError' },
    { only: [7] },
    { maxdelay: 5 },
    { retries: 5 },
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      expect(() => checkRetryOptions(options))
        .to.throw()
        .with.property('code', 'ERR_CONTRACT_INVALID');
    });
  }

  it('takes every option, and none', () => {
    checkRetryOptions(undefined);
    checkRetryOptions({});
    checkRetryOptions({ max: null });
    checkRetryOptions({
      max: 0,
      backoff: 'fixed',
      delay: '1s',
      maxDelay: 5,
      jitter: false,
      never: [],
      only: ['E'],
    });
  });
});
