/** JSON without loss: what is read exactly, what is written, and what is refused with its path. */
import { expect } from 'chai';
import fc from 'fast-check';

import { isCeleriacError } from '../../../dist/errors.js';
import { maxJsonDepth, parseJson, stringifyJson } from '../../../dist/protocol/json.js';

function refusal(value: unknown): string {
  try {
    stringifyJson(value, 'args');
  } catch (error) {
    if (isCeleriacError(error, 'ERR_NOT_SERIALIZABLE')) return error.message;
    throw error;
  }
  throw new Error('it was written');
}

function nested(levels: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < levels; level++) value = [value];
  return value;
}

describe('parseJson', () => {
  it('keeps every digit of integers beyond 2^53, and reads smaller ones as numbers', () => {
    expect(parseJson('[9007199254740993, -9007199254740993, 1180591620717411303424]')).to.deep.equal([
      9_007_199_254_740_993n,
      -9_007_199_254_740_993n,
      1_180_591_620_717_411_303_424n,
    ]);
    expect(parseJson('[9007199254740991, 0, -0, 1e3]')).to.deep.equal([9_007_199_254_740_991, 0, -0, 1000]);
  });

  it('reads floats of many digits as numbers', () => {
    expect(parseJson('[0.12345678901234567, 1234567890123456789.5, 1E400]')).to.deep.equal(
      JSON.parse('[0.12345678901234567, 1234567890123456789.5, 1E400]'),
    );
  });

  it("reads Python's NaN, Infinity and -Infinity", () => {
    expect(parseJson('[NaN, Infinity, -Infinity, "NaN"]')).to.deep.equal([NaN, Infinity, -Infinity, 'NaN']);
  });

  it('makes __proto__ a member like any other', () => {
    const value = parseJson('{"__proto__": {"admin": true}, "a": 1}') as Record<string, unknown>;

    expect(Object.keys(value)).to.deep.equal(['__proto__', 'a']);
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(value.admin).to.equal(undefined);
  });

  it('reads bytes with a byte order mark, and refuses bytes that are not UTF-8', () => {
    expect(parseJson(Buffer.from('\uFEFF{"a":"🐟"}'))).to.deep.equal({ a: '🐟' });
    expect(() => parseJson(Buffer.from([0x22, 0xc3, 0x22]))).to.throw(SyntaxError, 'not valid UTF-8');
    expect(() => parseJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).to.throw(SyntaxError);
  });

  it(`reads ${maxJsonDepth} levels and refuses one more, whatever brackets stand in texts`, () => {
    expect(parseJson(JSON.stringify(nested(maxJsonDepth)))).to.deep.equal(nested(maxJsonDepth));
    expect(() => parseJson(JSON.stringify(nested(maxJsonDepth + 1)))).to.throw(SyntaxError, 'nested deeper');
    expect(parseJson(JSON.stringify(['['.repeat(500), '\\"['.repeat(500)]))).to.be.an('array');
  });

  it('accepts what JSON.parse accepts and refuses what it refuses, also where it reads itself', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\u00e9"',
      '"\\x"',
      '0',
      '01',
      '-',
      '1.',
      '.5',
      '1e5',
      'true',
      'nul',
      ' ',
      '\n',
      '\u00a0',
      '9007199254740993',
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 12 }), (tokens) => {
        const text = tokens.join('');
        const accepts = (parse: () => unknown): boolean => {
          try {
            parse();
            return true;
          } catch {
            return false;
          }
        };
        expect(
          accepts(() => parseJson(text)),
          text,
        ).to.equal(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 2000 },
    );
  });

  it('quotes nothing of the document in its errors', () => {
    for (const text of [
      '{"password": hunter2}',
      '{"password":"hunter2',
      '["hunter2\u0001"]',
      'hunter2',
      '[NaN, hunter2',
    ]) {
      let message = 'nothing was thrown';
      try {
        parseJson(text);
      } catch (error) {
        message = String(error);
      }
      expect(message).to.match(/^SyntaxError/u);
      expect(message, text).not.to.include('unter2');
    }
  });
});

describe('stringifyJson', () => {
  class Point {
    x = 1;
  }
  const written: readonly (readonly [string, unknown, string])[] = [
    ['a BigInt', 10n, '10'],
    ['a BigInt beyond 2^53', 2n ** 70n, '1180591620717411303424'],
    ['a Date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
    ['an undefined member, by leaving it out', { a: undefined, b: 1 }, '{"b":1}'],
    ['minus zero', -0, '-0.0'],
    ['minus zero in a list', [-0], '[-0.0]'],
    ['a Buffer', Buffer.from('hi'), '{"__type__":"base64","__value__":"aGk="}'],
    ['a Uint8Array', new Uint8Array([104, 105]), '{"__type__":"base64","__value__":"aGk="}'],
    ["a class instance's members", new Point(), '{"x":1}'],
    ['what toJSON gives', { toJSON: () => ({ a: [1n] }) }, '{"a":[1]}'],
    ['an emoji', '\u{1F41F}', '"\u{1F41F}"'],
    ['control characters', '\u0000\n', '"\\u0000\\n"'],
    ['an own __proto__', JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
    ['the same object twice', ((one) => [one, one])({ a: 1 }), '[{"a":1},{"a":1}]'],
  ];
  for (const [what, value, text] of written) {
    it(`writes ${what}`, () => {
      expect(stringifyJson(value)).to.equal(text);
    });
  }

  const circular: Record<string, unknown> = { list: [] };
  (circular.list as unknown[]).push(circular);
  const refused: readonly (readonly [unknown, string])[] = [
    [[undefined], 'args[0] is undefined'],
    [[{ n: NaN }], 'args[0].n is NaN'],
    [{ a: Infinity }, 'args.a is Infinity'],
    [{ 'a-b': [1, -Infinity] }, 'args["a-b"][1] is -Infinity'],
    [[new Map()], 'args[0] is a Map'],
    [[new Set()], 'args[0] is a Set'],
    [[() => 1], 'args[0] is function'],
    [[Symbol('s')], 'args[0] is symbol'],
    [[new Date(NaN)], 'args[0] is an invalid Date'],
    [[Promise.resolve(1)], 'args[0] is of type Promise'],
    [[new Error('x')], 'args[0] is of type Error'],
    [[/x/u], 'args[0] is of type RegExp'],
    [[{ toJSON: () => NaN }], 'is NaN'],
    [['\ud83d'], 'args[0] is text with half a surrogate pair'],
    [{ '\udc00': 1 }, 'args is text with half a surrogate pair'],
    [circular, 'args.list[0] is circular'],
    // eslint-disable-next-line no-sparse-arrays -- a hole is what is tested
    [[, 1], 'args[0] is undefined'],
    [undefined, 'args is undefined'],
  ];
  for (const [value, text] of refused) {
    it(`refuses, before anything is sent: ${text}`, () => {
      expect(refusal(value)).to.include(text);
    });
  }

  it("writes what can be read inside of a message's own list, and refuses a level more", () => {
    const deepest = stringifyJson(nested(maxJsonDepth - 1));

    expect(parseJson(`[${deepest}]`)).to.deep.equal([nested(maxJsonDepth - 1)]);
    expect(refusal(nested(maxJsonDepth))).to.include('nested deeper');
  });

  it('writes what JSON.stringify writes, wherever that loses nothing', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        fc.pre(!JSON.stringify(value).includes('-0') && !holdsMinusZero(value));
        expect(stringifyJson(value)).to.equal(JSON.stringify(value));
      }),
    );
  });

  it('is read back as it was, BigInts and minus zero too', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.bigInt().filter((n) => n > 2n ** 53n || n < -(2n ** 53n)),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof({ maxDepth: 5 }, leaf, fc.array(tie('tree')), fc.dictionary(fc.string(), tie('tree'))),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        // A whole number beyond 2^53 has no point in JavaScript's own text: it is read as the BigInt it shows.
        fc.pre(!holdsLargeWhole(value));
        expect(parseJson(stringifyJson(value))).to.deep.equal(value);
      }),
    );
  });
});

function holds(value: unknown, test: (leaf: unknown) => boolean): boolean {
  if (typeof value === 'object' && value !== null)
    return Object.values(value).some((one) => holds(one, test));
  return test(value);
}

function holdsMinusZero(value: unknown): boolean {
  return holds(value, (leaf) => Object.is(leaf, -0));
}

function holdsLargeWhole(value: unknown): boolean {
  return holds(value, (leaf) => Number.isInteger(leaf) && !Number.isSafeInteger(leaf));
}
