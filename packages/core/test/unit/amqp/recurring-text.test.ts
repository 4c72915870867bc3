import { expect } from 'chai';
import fc from 'fast-check';

import { recurringText } from '../../../dist/amqp/recurring-text.js';

function read(text: string, before = ''): string {
  const bytes = Buffer.from(before + text + 'rest');
  return recurringText(bytes, Buffer.byteLength(before), Buffer.byteLength(text));
}

describe('recurringText', () => {
  it('reads any text at any place, however often it came and whatever came between', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.string())), (texts) => {
        for (const [text, before] of [...texts, ...texts]) expect(read(text, before)).to.equal(text);
      }),
    );
  });

  it('tells texts apart that have the same hash, or of which one begins with the other', () => {
    // 31 * 'A' + 'a' is 31 * 'B' + 'B', as in other hashes of this kind
    for (const text of ['Aa', 'BB', 'Aa', 'AaAa', 'BBBB', 'AaBB', 'Aa', '', 'A', 'AaA']) {
      expect(read(text)).to.equal(text);
    }
  });

  it('reads what is no UTF-8 as others do', () => {
    const bytes = Buffer.from([0x61, 0xff, 0xc3]);
    expect(recurringText(bytes, 0, 3)).to.equal(bytes.toString('utf8'));
  });
});
