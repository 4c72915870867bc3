/** Topic patterns against a naive reading of the AMQP text, and the routes from task names to queues. */
import { expect } from 'chai';
import fc from 'fast-check';

import { compilePattern, matchesPattern, routeTask } from '../../../dist/policy/routing.js';

/** Words by alternation, written for clearness only: every way `#` can expand is tried. */
function naive(wanted: readonly string[], words: readonly string[]): boolean {
  const [want, ...others] = wanted;
  if (want === undefined) return words.length === 0;
  if (want === '#') {
    return naive(others, words) || (words.length > 0 && naive(wanted, words.slice(1)));
  }
  const [word, ...rest] = words;
  return word !== undefined && (want === '*' || want === word) && naive(others, rest);
}

describe('a topic pattern', () => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['a.b', 'a.b', true],
    ['a.b', 'a.b.c', false],
    ['a.*', 'a.b', true],
    ['a.*', 'a', false],
    ['a.*', 'a.b.c', false],
    ['a.#', 'a', true],
    ['a.#', 'a.b.c', true],
    ['#', '', true],
    ['#', 'a.b', true],
    ['*', '', true], // one word, an empty one
    ['#.b', 'b', true],
    ['#.b', 'a.b.c', false],
    ['a.#.b.#', 'a.x.b', true],
    ['*.#.*', 'a', false],
    ['a*', 'ab', false], // a star inside of a word is a letter
    ['a.b', 'aXb', false],
  ];
  for (const [pattern, key, matches] of table) {
    it(`'${pattern}' ${matches ? 'matches' : 'does not match'} '${key}'`, () => {
      expect(matchesPattern(pattern, key)).to.equal(matches);
      expect(compilePattern(pattern)(key)).to.equal(matches);
    });
  }

  it('matches what trying every expansion of # matches', () => {
    const wanted = fc.array(fc.constantFrom('a', 'b', '*', '#'), { minLength: 1, maxLength: 7 });
    const words = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(wanted, words, (pattern, key) => {
        const expected = naive(pattern, key);
        expect(matchesPattern(pattern.join('.'), key.join('.'))).to.equal(expected);
        expect(compilePattern(pattern.join('.'))(key.join('.'))).to.equal(expected);
      }),
      { numRuns: 3000 },
    );
  });

  it('of many # takes no exponential time', () => {
    const pattern = Array.from({ length: 60 }, () => '#.a').join('.');
    const key = Array.from({ length: 500 }, () => 'a').join('.');

    expect(matchesPattern(`${pattern}.b`, key)).to.equal(false);
  });
});

describe('routeTask', () => {
  const routes = {
    'billing.*': 'billing',
    'billing.charge': 'charges',
    'billing.invoices.*': 'invoices',
    '*.report': 'reports',
    'mail.*.send': 'mail',
  };
  const table: readonly (readonly [string, string | undefined])[] = [
    ['billing.charge', 'charges'],
    ['billing.refund', 'billing'],
    ['billing.invoices.print', 'invoices'],
    ['sales.report', 'reports'],
    ['billing.report', 'billing'],
    ['mail.eu.send', 'mail'],
    ['mail.send', undefined],
    ['other', undefined],
    ['toString', undefined],
    ['__proto__', undefined],
  ];
  for (const [task, queue] of table) {
    it(`sends '${task}' to ${queue ?? 'no queue of its own'}`, () => {
      expect(routeTask(routes, task)).to.equal(queue);
    });
  }

  it('lets * stand for any text, also for none', () => {
    expect(routeTask({ '*': 'all' }, 'anything.at.all')).to.equal('all');
    expect(routeTask({ 'a*b*c': 'q' }, 'abc')).to.equal('q');
    expect(routeTask({ 'ab*ba': 'q' }, 'aba')).to.equal(undefined);
    expect(routeTask({ 'a*b*b': 'q' }, 'ab')).to.equal(undefined);
  });

  it('matches what the same glob as a regular expression matches', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 });
    const glob = fc.array(fc.constantFrom('a', 'b', '.', '*'), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(glob, letters, (pattern, name) => {
        const expression = new RegExp(
          `^${pattern.join('').replaceAll('.', '\\.').replaceAll('*', '.*')}$`,
          'u',
        );
        const matches = expression.test(name.join(''));
        expect(routeTask({ [pattern.join('')]: 'q' }, name.join(''))).to.equal(matches ? 'q' : undefined);
      }),
      { numRuns: 3000 },
    );
  });
});
