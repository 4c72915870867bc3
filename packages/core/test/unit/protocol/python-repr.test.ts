/** argsrepr and kwargsrepr against what Python's repr prints. */
import { expect } from 'chai';
import fc from 'fast-check';

import { argsRepr, kwargsRepr } from '../../../dist/protocol/python-repr.js';

/** Printed by Python 3.11. */
const printed: readonly (readonly [readonly unknown[], string])[] = [
  [[], '()'],
  [[1], '(1,)'],
  [[1, 2], '(1, 2)'],
  [[null, true, false], '(None, True, False)'],
  [[[], {}, [[]]], '([], {}, [[]])'],
  [[[1, [2]], { a: 1, b: { c: [] } }], "([1, [2]], {'a': 1, 'b': {'c': []}})"],
  [["it's"], `("it's",)`],
  [['say "hi"'], `('say "hi"',)`],
  [['both \' and "'], `('both \\' and "',)`],
  [['back\\slash'], `('back\\\\slash',)`],
  [['\n\r\t'], `('\\n\\r\\t',)`],
  [['\u0000\u001f\u007f'], `('\\x00\\x1f\\x7f',)`],
  [['é 🐟'], `('é 🐟',)`],
  [['\u00a0\u0085\u200b\u2028\ufeff\ue000\u00ad'], `('\\xa0\\x85\\u200b\\u2028\\ufeff\\ue000\\xad',)`],
  [['\ud83d'], `('\\ud83d',)`],
  [['\u{e0001}'], `('\\U000e0001',)`],
  [[1.5, 1e300, 1e-7, 0.0001, 0.00001, 1.25e-10], '(1.5, 1e+300, 1e-07, 0.0001, 1e-05, 1.25e-10)'],
  [[-0, -1, -1e-5], '(-0.0, -1, -1e-05)'],
  [[2n ** 70n], '(1180591620717411303424,)'],
];

describe('argsRepr', () => {
  for (const [args, text] of printed) {
    it(`prints ${text}`, () => {
      expect(argsRepr(args)).to.equal(text);
    });
  }

  it('prints dates as the text they travel as, and bytes by their number', () => {
    expect(argsRepr([new Date(0), Buffer.from('hi'), undefined])).to.equal(
      "('1970-01-01T00:00:00.000Z', <2 bytes>, None)",
    );
  });

  it('stops at 1024 characters however large the argument is, and never cuts a character in half', () => {
    const many = argsRepr(Array.from({ length: 100_000 }, (_, index) => index));
    const fish = argsRepr(['🐟'.repeat(400), '🐟'.repeat(400), '🐟'.repeat(400)]);

    expect(many)
      .to.have.length(1024)
      .and.match(/\.\.\.$/u);
    expect(fish.length).to.be.at.most(1024);
    expect(fish).not.to.match(/\p{Surrogate}/u);
  });

  it('prints eight levels of nesting, and dots below', () => {
    expect(argsRepr([[[[[[[[[1]]]]]]]]])).to.equal('([[[[[[[[1]]]]]]]],)');
    expect(argsRepr([[[[[[[[[[1]]]]]]]]]])).to.equal('([[[[[[[[...]]]]]]]],)');
  });

  it('ends for what is circular, and throws for nothing', () => {
    const circular: unknown[] = [];
    circular.push(circular);

    expect(argsRepr(circular)).to.include('...');
    fc.assert(fc.property(fc.array(fc.anything()), (args) => void argsRepr(args)));
  });
});

describe('kwargsRepr', () => {
  it('prints own members that are not undefined', () => {
    expect(kwargsRepr({ a: 1, b: undefined, "it's": [true] })).to.equal(`{'a': 1, "it's": [True]}`);
    expect(kwargsRepr({})).to.equal('{}');
    expect(kwargsRepr(Object.create({ inherited: 1 }) as Record<string, unknown>)).to.equal('{}');
  });
});
