/** The reckoning of chaos runs can find every promise broken. */
import { expect } from 'chai';

import type { Entry, What } from '../support/chaos/ledger.js';
import { judgeRun } from '../support/chaos/verdict.js';

/** `at who what id more`, a word each. */
function entries(...lines: string[]): Entry[] {
  return lines.map((line) => {
    const [at, who = '', what, id = '', ...more] = line.split(' ');
    return { at: Number(at), who, what: what as What, id, more: more.join(' ') };
  });
}

const nothing = { queued: [], dead: [], killed: new Set<string>() };

describe('the reckoning of a chaos run', () => {
  it('finds what was confirmed and is nowhere', () => {
    const ledger = entries(
      '1 p intend a work',
      '2 p confirmed a',
      '3 p intend b work',
      '4 p confirmed b',
      '5 p intend c work',
      '6 p confirmed c',
      '7 p intend d work',
      '8 p confirmed d',
      '9 w end a 1',
    );
    expect(judgeRun({ ...nothing, entries: ledger, queued: ['b'], dead: ['c'] }).lost).to.deep.equal(['d']);
  });

  it('counts what began again, and what had ended before; another attempt is neither', () => {
    const ledger = entries(
      '1 w begin a 1',
      '2 w begin a 1',
      '3 w end a 1',
      '4 w begin b 1',
      '5 w end b 1',
      '6 w begin b 1',
      '7 w end b 1',
      '8 w begin b 2',
    );
    expect(judgeRun({ ...nothing, entries: ledger })).to.include({ again: 2, twice: 1 });
  });

  it('finds what ended after its dead letter', () => {
    const ledger = entries('1 w end a 1', '2 w dead a failed', '3 w dead b failed', '4 w end b 1');
    expect(judgeRun({ ...nothing, entries: ledger }).endedAfterDead).to.deep.equal(['b']);
  });

  it('finds dead letters of what never fails', () => {
    const ledger = entries('1 p intend a chaos.fail', '1 p intend b chaos.work');
    expect(judgeRun({ ...nothing, entries: ledger, dead: ['a', 'b'] }).wronglyDead).to.deep.equal(['b']);
  });

  it('finds sends that never settled, but not those of a publisher that was killed', () => {
    const ledger = entries(
      '1 p intend a work',
      '1 q intend b work',
      '1 p intend c work',
      '2 p unknown c X',
      '1 p intend d work',
      '2 p refused d X',
    );
    const counts = judgeRun({ ...nothing, entries: ledger, killed: new Set(['q']) });
    expect(counts.hanging).to.deep.equal(['a']);
    expect(counts).to.include({ unknown: 1, refused: 1 });
  });

  it('finds what began before it was due', () => {
    const ledger = entries(
      '1 p intend a work 100',
      '1 p intend b work 100',
      '1 p intend c work',
      '99 w begin a 1',
      '100 w begin b 1',
      '2 w begin c 1',
    );
    expect(judgeRun({ ...nothing, entries: ledger }).early).to.deep.equal(['a']);
  });

  it('measures the longest pause, the one at the end too', () => {
    const ledger = entries(
      '0 p confirmed a',
      '10 p confirmed b',
      '50 p confirmed c',
      '20 w end a 1',
      '100 p intend d work',
    );
    expect(judgeRun({ ...nothing, entries: ledger })).to.include({ publishGapMs: 50, workGapMs: 80 });
  });
});
