/** Which messages run alone among their like. No delivery is involved. */
import { expect } from 'chai';

import { Suspects } from '../../dist/suspects.js';

const limit = 20;
const kept = true;

describe('suspects', () => {
  it('begin at a quarter of the limit, run one at a time, and make room when they are settled', () => {
    const suspects = new Suspects();
    const innocent = suspects.take({ before: 4, kept, limit });
    const first = suspects.take({ before: 5, kept, limit });
    const second = suspects.take({ before: 5, kept, limit });

    expect([innocent, first, second].map(({ isCrowded }) => isCrowded)).to.deep.equal([false, false, true]);
    second.release();
    first.release();
    expect(suspects.take({ before: 5, kept, limit }).isCrowded).to.equal(false);
  });

  it('are not held up by one that goes to the dead letters, or is only counted', () => {
    const suspects = new Suspects();
    suspects.take({ before: 21, kept, limit });
    suspects.take({ before: 6, kept: false, limit });

    expect(suspects.take({ before: 5, kept, limit }).isCrowded).to.equal(false);
  });
});
