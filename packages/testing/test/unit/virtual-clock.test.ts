/** The virtual clock: order, nesting, cancelling, chance. */
import { isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import { virtualClock } from '../../dist/index.js';

describe('virtualClock', () => {
  it('starts where it is told, and stands still', async () => {
    const clock = virtualClock({ start: new Date('2026-05-01T00:00:00Z') });

    await new Promise((resolve) => setImmediate(resolve));

    expect(clock.now()).to.equal(Date.UTC(2026, 4, 1));
    expect(clock.monotonic()).to.equal(0);
  });

  it('refuses a start that is no moment', () => {
    expect(() => virtualClock({ start: 'tomorrow' }))
      .to.throw('is not a moment')
      .that.satisfies((error: unknown) => isCeleriacError(error, 'ERR_INPUT_INVALID'));
  });

  it('fires timers in the order of their times, and of their start at the same time', async () => {
    const clock = virtualClock();
    const fired: string[] = [];
    const note = (name: string) => () => void fired.push(`${name}@${clock.monotonic()}`);
    clock.after(30, note('c'));
    clock.after(10, note('a'));
    clock.after(10, note('b'));
    clock.after(40, note('never'));

    await clock.advance('30ms');

    expect(fired).to.deep.equal(['a@10', 'b@10', 'c@30']);
    expect(clock.timers).to.equal(1);
  });

  it('lets promises settle between timers, and fires what they start in the same span', async () => {
    const clock = virtualClock();
    const fired: number[] = [];
    const loop = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(10);
        fired.push(clock.monotonic());
      }
    };
    void loop();

    await clock.advance('35ms');

    expect(fired).to.deep.equal([10, 20, 30]);
    expect(clock.monotonic()).to.equal(35);
  });

  it('starts timers of what is already under way before it moves', async () => {
    const clock = virtualClock();
    let isAwake = false;
    void Promise.resolve()
      .then(() => clock.sleep(1000))
      .then(() => (isAwake = true));

    await clock.advance(1);

    expect(isAwake).to.equal(true);
  });

  it('wakes a sleeper whose signal fires, and leaves no timer behind', async () => {
    const clock = virtualClock();
    const controller = new AbortController();
    const asleep = clock.sleep(1000, controller.signal);

    controller.abort();
    await asleep;

    expect(clock.timers).to.equal(0);
    await clock.sleep(1000, controller.signal);
  });

  it('does not fire a cancelled timer', async () => {
    const clock = virtualClock();
    let fired = false;
    clock.after(10, () => (fired = true)).cancel();

    await clock.advance(1);

    expect(fired).to.equal(false);
  });

  it('goes to the next timer, and says when there is none', async () => {
    const clock = virtualClock();
    clock.after(600_000, () => undefined);

    expect(await clock.advanceToNext()).to.equal(true);
    expect(clock.monotonic()).to.equal(600_000);
    expect(await clock.advanceToNext()).to.equal(false);
  });

  it('moves on to a timer that is due in a fraction of a millisecond', async () => {
    const clock = virtualClock();
    let fired = false;
    clock.after(0.4, () => (fired = true));

    expect(await clock.advanceToNext()).to.equal(true);
    expect(fired).to.equal(true);
  });

  it('throws the same dice for the same seed', () => {
    const rolls = (seed: number): number[] => {
      const clock = virtualClock({ seed });
      return Array.from({ length: 5 }, () => clock.random());
    };

    expect(rolls(7)).to.deep.equal(rolls(7));
    expect(rolls(7)).not.to.deep.equal(rolls(8));
    expect(rolls(7).every((roll) => roll >= 0 && roll < 1)).to.equal(true);
  });

  it('rejects a duration that is none', async () => {
    let error: unknown;
    await virtualClock()
      .advance('soon')
      .catch((thrown: unknown) => (error = thrown));

    expect(isCeleriacError(error, 'ERR_INPUT_INVALID')).to.equal(true);
  });
});
