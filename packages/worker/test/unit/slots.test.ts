/** How many handlers run at once, also when their number changes. */
import { expect } from 'chai';

import { Slots } from '../../dist/slots.js';

describe('slots', () => {
  function waiter(slots: Slots): { readonly through: boolean } {
    const state = { through: false };
    const waiting = slots.take();
    if (waiting === undefined) state.through = true;
    else void waiting.then(() => (state.through = true));
    return state;
  }

  it('are given to those who wait longest', async () => {
    const slots = new Slots(1);
    const [first, second, third] = [waiter(slots), waiter(slots), waiter(slots)];
    slots.release();
    await Promise.resolve();
    expect([first.through, second.through, third.through]).to.deep.equal([true, true, false]);
  });

  it('let in those who wait when there are more of them', async () => {
    const slots = new Slots(1);
    const all = [waiter(slots), waiter(slots), waiter(slots), waiter(slots)];
    slots.resize(3);
    await Promise.resolve();
    expect(all.map(({ through }) => through)).to.deep.equal([true, true, true, false]);
  });

  it('let in nobody until enough are released when there are fewer', async () => {
    const slots = new Slots(3);
    const all = [waiter(slots), waiter(slots), waiter(slots), waiter(slots)];
    slots.resize(1);
    slots.release();
    slots.release();
    await Promise.resolve();
    expect(all[3]?.through).to.equal(false);
    slots.release();
    await Promise.resolve();
    expect(all[3]?.through).to.equal(true);
  });
});
