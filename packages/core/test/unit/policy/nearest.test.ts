/** "Did you mean": the nearest known word, and none that is far. */
import { expect } from 'chai';
import fc from 'fast-check';

import { editDistance, nearest } from '../../../dist/policy/nearest.js';

describe('editDistance', () => {
  const table: readonly (readonly [string, string, number])[] = [
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['charge', 'chrage', 1],
    ['queue', 'queues', 1],
    ['ca', 'abc', 3],
  ];
  for (const [a, b, distance] of table) {
    it(`from '${a}' to '${b}' is ${distance}`, () => {
      expect(editDistance(a, b)).to.equal(distance);
    });
  }

  it('is the same both ways, zero for equal words only, and at most the longer length', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(editDistance(b, a)).to.equal(distance);
        expect(distance === 0).to.equal(a === b);
        expect(distance).to.be.at.most(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('nearest', () => {
  const known = ['billing.charge', 'billing.refund', 'queue', 'priority'];

  it('finds a slip of the fingers, in any case of letters', () => {
    expect(nearest('billing.chrage', known)).to.equal('billing.charge');
    expect(nearest('Queue', known)).to.equal('queue');
    expect(nearest('prioriti', known)).to.equal('priority');
  });

  it('suggests nothing that is far away, nor for very long words', () => {
    expect(nearest('expires', known)).to.equal(undefined);
    expect(nearest('x'.repeat(101), ['x'.repeat(100)])).to.equal(undefined);
    expect(nearest('queue', [])).to.equal(undefined);
  });
});
