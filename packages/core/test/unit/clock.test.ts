/** The machine's clock, on timers the test turns. */
import { type Clock as Timers, install } from '@sinonjs/fake-timers';
import { expect } from 'chai';

import { systemClock } from '../../dist/clock.js';

const day = 86_400_000;

describe('systemClock', () => {
  let timers: Timers;
  beforeEach(() => {
    timers = install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'], now: 1000 });
  });
  afterEach(() => timers.uninstall());

  it('tells the time of day, and a time that only passes', () => {
    const before = systemClock.monotonic();
    timers.tick(250);
    timers.setSystemTime(5000); // the machine's clock is set

    expect(systemClock.now()).to.equal(5000);
    expect(systemClock.monotonic() - before).to.equal(250);
  });

  it('waits out delays that are too long for a timer of Node, and fires once', () => {
    let fired = 0;
    systemClock.after(60 * day, () => {
      fired++;
    });
    timers.tick(60 * day - 1);
    expect(fired).to.equal(0);
    timers.tick(1);
    expect(fired).to.equal(1);
    timers.tick(60 * day);
    expect(fired).to.equal(1);
  });

  it('fires nothing that was cancelled, also in the later steps of a long delay', () => {
    let fired = 0;
    const count = (): void => {
      fired++;
    };
    systemClock.after(10, count).cancel();
    const long = systemClock.after(60 * day, count);
    timers.tick(50 * day);
    long.cancel();
    timers.tick(50 * day);

    expect(fired).to.equal(0);
    expect(timers.countTimers()).to.equal(0);
  });

  it('takes a negative delay for none', () => {
    let fired = false;
    systemClock.after(-5, () => {
      fired = true;
    });
    timers.tick(0);

    expect(fired).to.equal(true);
  });

  it('sleeps until the time has passed', async () => {
    let awake = false;
    const sleeping = systemClock.sleep(100).then(() => (awake = true));
    await timers.tickAsync(99);
    expect(awake).to.equal(false);
    await timers.tickAsync(1);
    await sleeping;
    expect(awake).to.equal(true);
  });

  it('wakes at once when the signal fires or has fired, and leaves neither timer nor listener', async () => {
    await systemClock.sleep(day, AbortSignal.abort());
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>): void => {
      listeners++;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
      listeners--;
      remove(...args);
    };
    const sleeping = systemClock.sleep(day, signal);
    expect(listeners).to.equal(1);
    controller.abort();
    await sleeping;

    expect(timers.countTimers()).to.equal(0);
    expect(listeners).to.equal(0);
  });

  it('gives chances from 0 to below 1 that differ', () => {
    const chances = Array.from({ length: 100 }, () => systemClock.random());

    expect(chances.every((chance) => chance >= 0 && chance < 1)).to.equal(true);
    expect(new Set(chances).size).to.be.above(90);
  });
});
