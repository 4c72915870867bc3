/** Pauses between attempts. Chance is given. */
import { expect } from 'chai';
import fc from 'fast-check';

import { backoffMs } from '../../../dist/policy/backoff.js';

const at = (failures: number, random: number): number =>
  backoffMs(failures, { firstMs: 100, longestMs: 3000, random: () => random });

describe('backoffMs', () => {
  it('does not pause without a failure', () => {
    expect(at(0, 0.9)).to.equal(0);
  });

  it('doubles up to the longest pause and stays there', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7, 1000].map((failures) => at(failures, 0));

    expect(pauses).to.deep.equal([50, 100, 200, 400, 800, 1500, 1500, 1500]);
  });

  it('is between half of the pause and the whole of it, for every number of failures', () => {
    const failures = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(failures, random, (count, chance) => {
        const whole = Math.min(3000, 100 * 2 ** (count - 1));
        expect(at(count, chance)).to.be.within(whole / 2, whole);
      }),
    );
  });

  it('spreads clients that failed together over the second half of the pause', () => {
    expect([0, 0.5, 0.75].map((chance) => at(3, chance))).to.deep.equal([200, 300, 350]);
  });
});
