/** Which dead letters a filter names. */
import { expect } from 'chai';

import { compileFilter, type DeadLetterFilter, isEmptyFilter } from '../../../dist/dead-letters/filter.js';
import { letterOf } from './letters.js';

const now = Date.UTC(2026, 10, 26, 1);
const letters = {
  old: letterOf({
    task: 'a.x',
    id: 'old',
    'celeriac-reason': 'failed',
    'celeriac-time': '2026-11-25T23:00:00Z',
  }),
  new: letterOf({
    task: 'a.y',
    id: 'new',
    'celeriac-reason': 'expired',
    'celeriac-time': '2026-11-26T00:59:00Z',
  }),
  bare: letterOf({ task: 'b', id: 'bare' }),
  nameless: letterOf({}, { messageId: 'nameless' }, 'x'),
};

function named(filter: DeadLetterFilter): string[] {
  const fits = compileFilter(filter, now);
  return Object.entries(letters)
    .filter(([, letter]) => fits(letter))
    .map(([name]) => name);
}

describe('a filter of dead letters', () => {
  const cases: readonly [DeadLetterFilter, readonly string[]][] = [
    [{}, ['old', 'new', 'bare', 'nameless']],
    [{ task: 'a.*' }, ['old', 'new']],
    [{ task: '*' }, ['old', 'new', 'bare']],
    [{ task: 'a' }, []],
    [{ reason: 'failed' }, ['old']],
    [{ reason: ['failed', 'unknown'] }, ['old', 'bare', 'nameless']],
    [{ reason: [] }, []],
    [{ id: 'nameless' }, ['nameless']],
    [{ id: ['old', 'new'] }, ['old', 'new']],
    [{ olderThan: '1h' }, ['old']],
    [{ newerThan: '1h' }, ['new']],
    [{ olderThan: 60, newerThan: '1d' }, ['old']],
    [{ task: 'a.*', reason: 'expired' }, ['new']],
    [{ limit: 1 }, ['old', 'new', 'bare', 'nameless']],
  ];
  for (const [filter, names] of cases) {
    it(`${JSON.stringify(filter)} names ${names.join(', ') || 'none'}`, () => {
      expect(named(filter)).to.deep.equal(names);
    });
  }

  it('refuses a duration that is none', () => {
    expect(() => named({ olderThan: 'yesterday' }))
      .to.throw()
      .with.property('code', 'ERR_INPUT_INVALID');
  });

  it('is empty when nothing is given, and not when something is', () => {
    expect(isEmptyFilter({ task: undefined })).to.equal(true);
    expect(isEmptyFilter({ limit: 1 })).to.equal(false);
    expect(isEmptyFilter({ reason: [] })).to.equal(false);
  });
});
