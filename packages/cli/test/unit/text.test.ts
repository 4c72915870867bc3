/** What is printed of foreign texts cannot drive a terminal, and JSON stays JSON. */
import { expect } from 'chai';

import { printableJson, printableLines, shortText } from '../../dist/text.js';

// A colour by ESC, the same by C1's CSI, DEL, a change of direction, a tag character beyond 16 bits.
const evil = 'a\u001b[31m\u009b31m\u007f\u202e\u{e0041}\r\n';

describe('texts for a terminal', () => {
  it('are JSON in which nothing is left that a terminal obeys, and that says the same', () => {
    const value = { [evil]: [evil] };
    for (const json of [JSON.stringify(value), JSON.stringify(value, undefined, 2)]) {
      const printed = printableJson(json);
      expect(printed).to.match(/^[\x20-\x7e\n]*$/u);
      expect(JSON.parse(printed)).to.deep.equal(value);
      expect(printed.split('\n')).to.have.length(json.split('\n').length);
    }
  });

  it('keep their lines, and nothing else that moves a cursor', () => {
    expect(printableLines(`error: ${evil}next`)).to.equal(
      'error: a\\u001b[31m\\u009b31m\\u007f\\u202e\\udb40\\udc41\\u000d\nnext',
    );
  });

  it('are cut between characters', () => {
    expect(shortText('😀'.repeat(100), 3)).to.equal('😀😀…');
    expect(shortText('abc', 3)).to.equal('abc');
  });
});
