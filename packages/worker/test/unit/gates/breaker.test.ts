/** When a failing task is paused, when one is tried, and when it runs again. */
import { expect } from 'chai';

import { Breaker, type Change, type Result } from '../../../dist/gates/limits/breaker.js';

const options = { failures: 0.5, minimum: 4, withinMs: 60_000, pauseMs: 30_000 };

class Subject {
  now = 1_000_000;
  readonly breaker = new Breaker(options);

  run(result: Result): Change {
    const { waitMs, isTrial } = this.breaker.permission(this.now);
    expect(waitMs).to.equal(0);
    return this.breaker.ended(result, { isTrial, now: this.now });
  }

  runAll(...results: Result[]): Change {
    return results.map((result) => this.run(result)).at(-1);
  }
}

describe('a breaker', () => {
  it('trips when enough results have come and more than the given part of them failed', () => {
    const one = new Subject();
    expect(one.runAll('succeeded', 'failed', 'failed')).to.equal(undefined);
    expect(one.run('failed')).to.deep.equal({ kind: 'tripped', failures: 3, results: 4, isAgain: false });
    expect(one.breaker.permission(one.now).waitMs).to.equal(30_000);
  });

  it('does not trip at exactly that part, nor for what says nothing', () => {
    const one = new Subject();
    expect(one.runAll('succeeded', 'failed', 'succeeded', 'failed')).to.equal(undefined);
    expect(one.runAll('neither', 'neither', 'neither', 'neither')).to.equal(undefined);
  });

  it('forgets what is longer ago than the window', () => {
    const one = new Subject();
    one.runAll('failed', 'failed', 'failed');
    one.now += 61_000;
    expect(one.run('failed')).to.equal(undefined);
  });

  it('tries one after the pause, only one, and runs again when it succeeds', () => {
    const one = new Subject();
    one.runAll('failed', 'failed', 'failed', 'failed');
    one.now += 30_000;
    const trial = one.breaker.permission(one.now);
    expect(trial).to.deep.equal({ waitMs: 0, isTrial: true });
    expect(one.breaker.permission(one.now).waitMs).to.equal(30_000);

    expect(one.breaker.ended('succeeded', { isTrial: true, now: one.now })).to.deep.equal({
      kind: 'recovered',
    });
    expect(one.runAll('succeeded', 'succeeded')).to.equal(undefined);
    expect(one.runAll('failed', 'failed')).to.equal(undefined);
  });

  it('pauses again when the one that is tried fails, and tries another when it says nothing', () => {
    const one = new Subject();
    one.runAll('failed', 'failed', 'failed', 'failed');
    one.now += 30_000;
    expect(one.run('failed')).to.deep.include({ kind: 'tripped', isAgain: true });
    expect(one.breaker.permission(one.now).waitMs).to.equal(30_000);
    one.now += 30_000;
    expect(one.run('neither')).to.equal(undefined);
    expect(one.breaker.permission(one.now)).to.deep.equal({ waitMs: 0, isTrial: true });
  });

  it('does not count what began before it tripped and ends afterwards', () => {
    const one = new Subject();
    one.runAll('failed', 'failed', 'failed', 'failed');
    for (const result of ['failed', 'succeeded'] as const)
      expect(one.breaker.ended(result, { isTrial: false, now: one.now })).to.equal(undefined);
    expect(one.breaker.permission(one.now).waitMs).to.equal(30_000);
  });
});
