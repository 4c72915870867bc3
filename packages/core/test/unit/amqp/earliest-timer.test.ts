/** One timer for many deadlines. Manual clock. */
import { expect } from 'chai';

import { EarliestTimer } from '../../../dist/amqp/earliest-timer.js';
import { ManualClock } from '../../support/manual-clock.js';

describe('EarliestTimer', () => {
  let clock: ManualClock;
  let fired: number[];
  let timer: EarliestTimer;
  beforeEach(() => {
    clock = new ManualClock();
    fired = [];
    timer = new EarliestTimer(clock, () => void fired.push(clock.monotonic()));
  });

  it('fires once, at the earliest of all deadlines, however they come', async () => {
    for (const at of [300, 100, 200]) timer.watch(at);
    await clock.advance(1000);

    expect(fired).to.deep.equal([100]);
  });

  it('never has more than one timer waiting', () => {
    for (const at of [500, 400, 300, 600, 300]) timer.watch(at);

    expect(clock.timers).to.equal(1);
  });

  it('watches again after it has fired, also from within', async () => {
    const open = [100, 250];
    const again: EarliestTimer = new EarliestTimer(clock, () => {
      fired.push(clock.monotonic());
      open.shift();
      for (const at of open) again.watch(at);
    });
    again.watch(100);
    await clock.advance(1000);

    expect(fired).to.deep.equal([100, 250]);
  });

  it('fires nothing after a cancel, and watches again after it', async () => {
    timer.watch(100);
    timer.cancel();
    await clock.advance(200);
    expect(fired).to.deep.equal([]);

    timer.watch(300);
    await clock.advance(200);
    expect(fired).to.deep.equal([300]);
  });
});
