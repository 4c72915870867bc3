import { expect } from 'chai';

import { UsageError } from '../../dist/exit-codes.js';
import { jsonList, jsonObject, queueNames, wholeNumber } from '../../dist/parse.js';

describe('command line values', () => {
  for (const [text, names] of [
    ['b', ['b']],
    ['a,b', ['a', 'b']],
    ['a, b', ['a', 'b']],
    [' a ,b', ['a', 'b']],
    ['a,a', ['a']],
  ] as const) {
    it(`--queues '${text}' names ${names.join(' and ')}`, () => {
      expect(queueNames(text)).to.deep.equal(names);
    });
  }

  it('adds a second --queues to the first', () => {
    expect(queueNames('b', queueNames('a'))).to.deep.equal(['a', 'b']);
  });

  for (const text of ['', ',', 'a,', 'a,,b', 'a b']) {
    it(`refuses --queues '${text}'`, () => {
      expect(() => queueNames(text)).to.throw(UsageError);
    });
  }

  for (const text of ['4x', '0', '-1', '1e3', '1.5', '', ' 4', '0x10', '99999999999']) {
    it(`refuses --concurrency '${text}'`, () => {
      expect(() => wholeNumber('--concurrency', 1)(text)).to.throw(UsageError, '--concurrency');
    });
  }

  it('takes a plain whole number', () => {
    expect(wholeNumber('--concurrency', 1)('12')).to.equal(12);
  });

  it('keeps every digit of a big integer', () => {
    expect(jsonList('--args')('[9007199254740993]')).to.deep.equal([9007199254740993n]);
  });

  for (const text of ['{', '{}', '5', 'null', '"a"']) {
    it(`refuses --args '${text}'`, () => {
      expect(() => jsonList('--args')(text)).to.throw(UsageError, '--args');
    });
  }

  for (const text of ['[]', '5', 'null', '{a: 1}']) {
    it(`refuses --kwargs '${text}'`, () => {
      expect(() => jsonObject('--kwargs')(text)).to.throw(UsageError, '--kwargs');
    });
  }
});
