/** Header tables as bytes: every type tag, damage, and what our writer and amqplib's write. No connection. */
import { createRequire } from 'node:module';

import { expect } from 'chai';
import fc from 'fast-check';

import { readTable } from '../../../dist/amqp/table-reader.js';
import { writeTable } from '../../../dist/amqp/table-writer.js';

interface Codec {
  encodeTable(buffer: Buffer, value: object, offset: number): number;
}
const { resolve } = createRequire(import.meta.url);
const codec = createRequire(import.meta.url)(
  resolve('amqplib').replace(/channel_api\.js$/u, 'lib/codec.js'),
) as Codec;

/** A table with one field `k`. */
function field(tag: string, hex: string): Buffer {
  const body = Buffer.concat([Buffer.from(`\x01k${tag}`), Buffer.from(hex, 'hex')]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

const read = (bytes: Buffer): Record<string, unknown> => readTable(bytes, 0).table;
const written = (headers: Record<string, unknown>): Record<string, unknown> =>
  read(Buffer.from(writeTable(headers), 'latin1'));

const tags: readonly [string, string, unknown][] = [
  ['t', '01', true],
  ['t', '00', false],
  ['b', 'ff', -1],
  ['B', 'ff', 255],
  ['s', 'fffe', -2],
  ['u', 'fffe', 65_534],
  ['I', 'ffffffff', -1],
  ['i', 'ffffffff', 4_294_967_295],
  ['l', '0000000100000000', 4_294_967_296],
  ['L', '0000000100000000', 4_294_967_296],
  ['L', 'ffffffffffffffff', -1],
  ['L', '7fffffffffffffff', 2n ** 63n - 1n],
  ['f', '3fc00000', 1.5],
  ['d', '3ff8000000000000', 1.5],
  ['D', '0200000005', { '!': 'decimal', value: { places: 2, digits: 5 } }],
  ['T', '0000000000000001', { '!': 'timestamp', value: 1 }],
  ['S', '00000002c3a9', 'é'],
  ['S', '00000001ff', Buffer.from([0xff])],
  ['x', '0000000161', Buffer.from('a')],
  ['F', '00000004016b7401', { k: true }],
  ['A', '00000003740156', [true, null]],
  ['V', '', null],
];

describe('readTable', () => {
  for (const [tag, hex, expected] of tags) {
    it(`reads tag ${tag} with ${hex === '' ? 'no bytes' : hex}`, () => {
      const { k } = read(field(tag, hex));
      const plain = tag === 'F' ? { ...(k as object) } : k;
      expect(plain).to.deep.equal(expected);
    });
  }

  it('refuses a tag it does not know and names it', () => {
    expect(() => read(field('Z', '00'))).to.throw(TypeError, '0x5a');
  });

  for (const tag of ['t', 'b', 's', 'I', 'l', 'L', 'd', 'D', 'T', 'S', 'x', 'F', 'A']) {
    it(`refuses tag ${tag} when its value is missing`, () => {
      expect(() => read(field(tag, ''))).to.throw(RangeError);
    });
  }

  for (const tag of ['S', 'x', 'F', 'A']) {
    it(`refuses tag ${tag} with a length past the end`, () => {
      expect(() => read(field(tag, 'ffffffff'))).to.throw(RangeError);
    });
  }

  it('refuses tables nested too deep instead of overflowing the stack', () => {
    let bytes = field('t', '01');
    for (let depth = 0; depth < 40; depth++) bytes = field('F', bytes.toString('hex'));
    expect(() => read(bytes)).to.throw(RangeError, 'deeper');
  });

  it('takes __proto__ for a plain key', () => {
    const body = Buffer.from('\x09__proto__t\x01');
    const table = read(Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]));
    expect(Object.keys(table)).to.deep.equal(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).to.equal(undefined);
    expect(Object.getPrototypeOf(table)).to.equal(null);
  });

  it('ends on any bytes: with a table, or with an error of the documented kinds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const body = Buffer.from(bytes);
        const length = Buffer.from([0, 0, 0, body.length]);
        try {
          expect(readTable(Buffer.concat([length, body]), 0).end).to.equal(4 + body.length);
        } catch (error) {
          expect(error).to.satisfy((e: unknown) => e instanceof RangeError || e instanceof TypeError);
        }
      }),
    );
  });
});

const leaf = fc.oneof(
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.maxSafeInteger(),
  // within what amqplib writes exactly: it takes fractions beyond 2^50 for integers
  fc.double({ noNaN: true, min: -1e15, max: 1e15 }).filter((n) => !Object.is(n, -0)),
);
const key = fc.string({ maxLength: 20 }).filter((text) => text !== '__proto__' && text !== '!'); // amqplib's way to name a type
const headers = fc.dictionary(
  key,
  fc.oneof(leaf, fc.array(leaf, { maxLength: 4 }), fc.dictionary(key, leaf, { maxKeys: 3 })),
  { maxKeys: 6 },
);

/** Without the null prototypes of what was read. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

describe('header tables there and back', () => {
  it('reads what amqplib writes', () => {
    fc.assert(
      fc.property(headers, (values) => {
        const buffer = Buffer.alloc(65_536);
        const end = codec.encodeTable(buffer, values, 0);
        expect(plain(read(buffer.subarray(0, end)))).to.deep.equal(plain(values));
      }),
      { numRuns: 50 },
    );
  });

  it('reads what writeTable writes', () => {
    fc.assert(
      fc.property(headers, (values) => {
        expect(plain(written(values))).to.deep.equal(plain(values));
      }),
    );
  });

  const numbers: readonly [number | bigint, string][] = [
    [2_147_483_647, 'I'],
    [-2_147_483_648, 'I'],
    [2_147_483_648, 'l'],
    [1n, 'I'],
    [2n ** 63n - 1n, 'l'],
    [1.5, 'd'],
  ];
  for (const [number, tag] of numbers) {
    it(`writes ${number} as ${tag} and reads the same number`, () => {
      expect(writeTable({ k: number })[6]).to.equal(tag);
      expect(Number(written({ k: number })['k'])).to.equal(Number(number));
    });
  }

  it('writes a Date as a timestamp in seconds', () => {
    expect(written({ k: new Date(5999) })['k']).to.deep.equal({ '!': 'timestamp', value: 5 });
  });

  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  const refused: readonly [string, unknown, string][] = [
    ['a function', () => 1, 'headers.k'],
    ['a symbol', Symbol('s'), 'headers.k'],
    ['an integer beyond 64 bits', 2n ** 64n, 'headers.k'],
    ['an invalid date', new Date(NaN), 'headers.k'],
    ['a function in a list', [1, () => 1], 'headers.k[1]'],
    ['a circular object', circular, 'headers.k.self'],
  ];
  for (const [what, value, path] of refused) {
    it(`refuses ${what} and names ${path}`, () => {
      expect(() => writeTable({ k: value }))
        .to.throw(path)
        .with.property('code', 'ERR_NOT_SERIALIZABLE');
    });
  }
});
