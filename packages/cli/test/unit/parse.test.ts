import { expect } from 'chai';

import { UsageError } from '../../dist/exit-codes.js';
import { duration, jsonList, jsonObject, queueNames, wholeNumber } from '../../dist/parse.js';

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

  for (const text of ['256', '-1', '', 'high']) {
    it(`refuses --priority '${text}'`, () => {
      expect(() => wholeNumber('--priority', 0, 255)(text)).to.throw(UsageError, 'from 0 to 255');
    });
  }

  it('takes both ends of a range', () => {
    expect([0, 255].map((n) => wholeNumber('--priority', 0, 255)(String(n)))).to.deep.equal([0, 255]);
  });

  for (const text of ['', '.', '1.2.3', '10e1', 'soon', '-1s', '10 s', '1e3s']) {
    it(`refuses --timeout '${text}'`, () => {
      expect(() => duration('--timeout')(text)).to.throw(UsageError, '--timeout');
    });
  }

  it('leaves a duration as it was written', () => {
    expect(duration('--timeout')('1.5h')).to.equal('1.5h');
  });

  it('takes a plain number for seconds', () => {
    expect(['10', '0.5'].map(duration('--timeout'))).to.deep.equal(['10s', '0.5s']);
  });

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
