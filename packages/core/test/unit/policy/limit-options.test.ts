/** Which limits options mean, and which are refused. */
import { expect } from 'chai';

import { defineTask } from '../../../dist/contract/task.js';
import { checkLimitOptions, type LimitOptions, limitsOf } from '../../../dist/policy/limit-options.js';

const off = { minimum: 20, within: 60, pause: 30 };

describe('limitsOf', () => {
  it('limits nothing where nobody asks for it', () => {
    const none = { rate: undefined, concurrency: undefined, killSwitch: undefined };
    expect(limitsOf([undefined, {}], off)).to.deep.equal(none);
    expect(limitsOf([{ rateLimit: '0' }], off)).to.deep.equal(none);
  });

  const celery: [string, number, number][] = [
    ['10/m', 10, 60_000],
    ['100/s', 100, 1000],
    ['5/h', 5, 3_600_000],
    ['7', 7, 1000],
    ['0.5/m', 0.5, 60_000],
  ];
  for (const [text, limit, periodMs] of celery) {
    it(`reads ${text} as Celery does, per worker and evenly spaced`, () => {
      expect(limitsOf([{ rateLimit: text }], off).rate).to.deep.equal({
        limit,
        periodMs,
        burst: 1,
        key: undefined,
        scope: 'worker',
      });
    });
  }

  it('lets the later layer win, limit by limit, and take a limit away', () => {
    const contract: LimitOptions = { rateLimit: '10/m', concurrency: 3, killSwitch: { minimum: 5 } };
    const { rate, concurrency, killSwitch } = limitsOf(
      [contract, { rateLimit: { limit: 1, per: '2s', key: 'a', scope: 'global' }, concurrency: false }],
      off,
    );
    expect(rate).to.deep.equal({ limit: 1, periodMs: 2000, burst: 1, key: 'a', scope: 'global' });
    expect(concurrency).to.equal(undefined);
    expect(killSwitch).to.deep.equal({ failures: 0.5, minimum: 5, withinMs: 60_000, pauseMs: 30_000 });
  });

  it('takes the kill switch from the configuration, where it is on', () => {
    const on = { ...off, failures: 0.8 };
    expect(limitsOf([undefined], on).killSwitch).to.deep.include({ failures: 0.8, minimum: 20 });
    expect(limitsOf([{ killSwitch: false }], on).killSwitch).to.equal(undefined);
    expect(limitsOf([{ killSwitch: { pause: '1s' } }], on).killSwitch).to.deep.include({
      failures: 0.8,
      pauseMs: 1000,
    });
  });
});

describe('checkLimitOptions', () => {
  const wrong: [string, unknown][] = [
    ['a rate that is no text of Celery', { rateLimit: '10/d' }],
    ['a rate of nothing', { rateLimit: { limit: 0, per: '1s' } }],
    ['a rate without a period', { rateLimit: { limit: 1 } }],
    ['a period of nothing', { rateLimit: { limit: 1, per: 0 } }],
    ['a burst below one', { rateLimit: { limit: 1, per: '1s', burst: 0 } }],
    ['a key that is empty', { rateLimit: { limit: 1, per: '1s', key: '' } }],
    ['an unknown option', { rateLimit: { limit: 1, per: '1s', brust: 2 } }],
    ['an unknown scope', { concurrency: { max: 1, scope: 'planet' } }],
    ['no seat at all', { concurrency: 0 }],
    ['half a seat', { concurrency: { max: 1.5 } }],
    ['a part above one', { killSwitch: { failures: 50 } }],
    ['a switch that is only true', { killSwitch: true }],
  ];
  for (const [what, options] of wrong) {
    it(`refuses ${what}, also in a contract`, () => {
      for (const check of [
        () => checkLimitOptions(options as LimitOptions),
        () => defineTask({ name: 'a', ...(options as object) }),
      ])
        expect(check).to.throw().with.property('code', 'ERR_CONTRACT_INVALID');
    });
  }

  it('names the nearest option', () => {
    expect(() => checkLimitOptions({ rateLimit: { limit: 1, per: '1s', brust: 2 } } as never)).to.throw(
      "Nearest: 'burst'",
    );
  });
});
