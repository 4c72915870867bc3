/** The memory against replays: bounded, and never wrong about what it still holds. */
import { expect } from 'chai';

import { ReplayMemory } from '../../../dist/signing/replay.js';

describe('the memory against replays', () => {
  it('notes a message once, until its signature is over or it is forgotten', () => {
    const memory = new ReplayMemory(10);

    expect(memory.note('a', { until: 5, now: 0 })).to.equal(true);
    expect(memory.note('a', { until: 5, now: 5 })).to.equal(false);
    memory.forget('a');
    expect(memory.note('a', { until: 5, now: 5 })).to.equal(true);
    expect(memory.note('a', { until: 9, now: 6 })).to.equal(true);
  });

  it('forgets what is over first, then the oldest, and says the latter once', () => {
    let full = 0;
    const memory = new ReplayMemory(3, () => full++);
    for (const name of ['a', 'b', 'c']) memory.note(name, { until: name === 'a' ? 1 : 100, now: 0 });

    memory.note('d', { until: 100, now: 2 });
    expect([full, memory.size]).to.deep.equal([0, 3]);
    memory.note('e', { until: 100, now: 2 });
    memory.note('f', { until: 100, now: 2 });

    expect([full, memory.size]).to.deep.equal([1, 3]);
    expect(memory.note('d', { until: 100, now: 2 })).to.equal(false);
    expect(memory.note('b', { until: 100, now: 2 })).to.equal(true);
  });

  it('of no messages accepts everything and holds nothing', () => {
    const memory = new ReplayMemory(0);

    expect([memory.note('a', { until: 5, now: 0 }), memory.note('a', { until: 5, now: 0 })]).to.deep.equal([
      true,
      true,
    ]);
    expect(memory.size).to.equal(0);
  });
});
