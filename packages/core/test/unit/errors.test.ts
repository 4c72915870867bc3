/** The error class, and that every code is documented as what it is. Reads docs/errors.md. */
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';

import { expect } from 'chai';

import { CeleriacError, errorCodes, errorText, isCeleriacError } from '../../dist/errors.js';

const page = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');
/** Code and the column `retryable`, from the page's tables. */
const documented = new Map(
  [...page.matchAll(/^\| `(ERR_\w+)` +\| (yes|no) +\|/gmu)].map((row) => [row[1] ?? '', row[2] === 'yes']),
);

const secret = 'amqp://me:hunter2@mq.example//';

describe('docs/errors.md', () => {
  it('lists every code there is, each with whether it is retryable, and no other', () => {
    const codes = Object.entries(errorCodes).map(([code, { retryable }]) => [code, retryable] as const);

    expect([...documented].sort()).to.deep.equal(codes.sort());
  });

  it('lists each code once', () => {
    expect([...page.matchAll(/^\| `ERR_/gmu)]).to.have.length(documented.size);
  });
});

describe('CeleriacError', () => {
  it('shows no password: in its text, its hint, its values or as JSON', () => {
    const error = new CeleriacError('ERR_CLOSED', {
      message: `Closed ${secret}.`,
      hint: `Open ${secret}.`,
      values: { url: secret, nested: { password: 'hunter2', list: [secret] } },
    });

    expect(inspect(error)).not.to.include('hunter2');
    expect(JSON.stringify(error)).not.to.include('hunter2');
    expect(error.message).to.include('amqp://me:***@mq.example');
  });

  it('has a hint that stands in the message as well, when there is one', () => {
    const error = new CeleriacError('ERR_CLOSED', { message: 'Closed.', hint: 'Open it.' });

    expect(error.message).to.equal('Closed. Open it.');
    expect(error.hint).to.equal('Open it.');
    expect(new CeleriacError('ERR_CLOSED', { message: 'Closed.' }).hint).to.equal(undefined);
  });

  it('keeps its cause, and has none of its own', () => {
    const cause = new Error('below');

    expect(new CeleriacError('ERR_CLOSED', { message: 'x', cause })).to.have.property('cause', cause);
    expect(new CeleriacError('ERR_CLOSED', { message: 'x' })).not.to.have.own.property('cause');
  });

  it('is as retryable as its code', () => {
    expect(new CeleriacError('ERR_PUBLISH_NACKED', { message: 'x' }).retryable).to.equal(true);
    expect(new CeleriacError('ERR_CLOSED', { message: 'x' }).retryable).to.equal(false);
  });

  it('becomes JSON with code, text, values and retryable', () => {
    const error = new CeleriacError('ERR_CLOSED', { message: 'x', values: { big: 2n ** 60n } });

    expect(JSON.parse(JSON.stringify(error))).to.deep.equal({
      name: 'CeleriacError',
      code: 'ERR_CLOSED',
      message: 'x',
      retryable: false,
      values: { big: '1152921504606846976' },
    });
  });
});

describe('isCeleriacError', () => {
  const error = new CeleriacError('ERR_CLOSED', { message: 'x' });

  it('knows one made by another copy of the package, which instanceof does not', async () => {
    const url = new URL('../../dist/errors.js?copy', import.meta.url).href;
    const copy = (await import(url)) as { CeleriacError: typeof CeleriacError };
    const other: unknown = new copy.CeleriacError('ERR_CLOSED', { message: 'x' });

    expect(other).not.to.be.instanceOf(CeleriacError);
    expect(isCeleriacError(other, 'ERR_CLOSED')).to.equal(true);
  });

  it('tells codes apart', () => {
    expect(isCeleriacError(error)).to.equal(true);
    expect(isCeleriacError(error, 'ERR_CLOSED')).to.equal(true);
    expect(isCeleriacError(error, 'ERR_TLS')).to.equal(false);
  });

  it('is not fooled by the name, by a prototype, or by what is no object', () => {
    const named = Object.assign(new Error('x'), { name: 'CeleriacError', code: 'ERR_CLOSED' });
    for (const thrown of [named, Object.create(error), null, undefined, 'ERR_CLOSED', 7]) {
      expect(isCeleriacError(thrown)).to.equal(false);
    }
  });
});

describe('errorText', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const table: readonly (readonly [string, unknown, string])[] = [
    ['an error', new Error('boom'), 'boom'],
    ['an error without a text', new TypeError(''), 'TypeError'],
    ['an error with a password in its text', new Error(`at ${secret}`), 'at amqp://me:***@mq.example//'],
    ['a text', 'plain', 'plain'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a bigint', 5n, '5n'],
    ['a circular object', circular, '[object Object]'],
    [
      'an error whose message is no text',
      Object.assign(new Error('x'), { message: { a: 1 } }),
      'Error: {"a":1}',
    ],
  ];
  for (const [what, thrown, text] of table) {
    it(`shows ${what} as '${text}'`, () => {
      expect(errorText(thrown)).to.equal(text);
    });
  }
});
