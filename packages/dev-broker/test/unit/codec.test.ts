import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { expect } from 'chai';
import fc from 'fast-check';

import { type Frame, FrameError, FrameParser, frameText } from '../../dist/codec/frames.js';
import { decodeMethod, encodeMethod, MethodError } from '../../dist/codec/method-codec.js';
import { type FieldType, methods } from '../../dist/codec/methods.js';

const require = createRequire(import.meta.url);
const amqplib = dirname(require.resolve('amqplib'));
/** amqplib's own codec, by its path: the oracle. */
const oracle = require(join(amqplib, 'lib/defs.js')) as {
  decode: (id: number, payload: Buffer) => Record<string, unknown>;
};

const values: Readonly<Record<FieldType, fc.Arbitrary<unknown>>> = {
  octet: fc.integer({ min: 0, max: 255 }),
  short: fc.integer({ min: 0, max: 0xffff }),
  long: fc.integer({ min: 0, max: 0xffff_ffff }),
  longlong: fc.maxSafeNat(),
  bit: fc.boolean(),
  shortstr: fc.string({ maxLength: 60 }),
  longstr: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  table: fc.dictionary(
    fc.stringMatching(/^[a-z]{1,8}$/u),
    fc.oneof(fc.string(), fc.boolean(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    { maxKeys: 4 },
  ),
};

describe('methods', () => {
  for (const { name, classId, methodId, fields } of methods) {
    const arbitrary = fc.record(Object.fromEntries(fields.map(([field, type]) => [field, values[type]])));

    it(`${name} is read as it was written, by us and by amqplib`, () => {
      fc.assert(
        fc.property(arbitrary, (given) => {
          const payload = Buffer.from(encodeMethod(name, given as never), 'latin1');

          const read = decodeMethod(payload);

          expect(read.name).to.equal(name);
          expect(plain(read.fields)).to.deep.equal(plain(given));
          if (name === 'connection.update-secret' || name === 'connection.update-secret-ok') return;
          const theirs = Object.values(oracle.decode(classId * 0x1_0000 + methodId, payload.subarray(4)));
          expect(plain(theirs)).to.deep.equal(plain(Object.values(given)));
        }),
        { numRuns: 20 },
      );
    });
  }

  it('are refused with their ids when they end too early', () => {
    const payload = Buffer.from(encodeMethod('basic.consume-ok', { consumerTag: 'tag' }), 'latin1');
    for (let length = 4; length < payload.length; length++) {
      expect(() => decodeMethod(payload.subarray(0, length)))
        .to.throw(MethodError)
        .with.property('classId', 60);
    }
  });

  it('never throw anything else on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeMethod(Buffer.from(bytes));
        } catch (error) {
          expect(error).to.be.instanceOf(MethodError);
        }
      }),
    );
  });
});

describe('frames', () => {
  const stream = Buffer.from(
    frameText(1, 3, 'abc') + frameText(8, 0, '') + frameText(3, 3, 'x'.repeat(500)),
    'latin1',
  );

  function parse(chunks: readonly Buffer[]): string[] {
    const parser = new FrameParser(4096);
    const frames: Frame[] = [];
    for (const chunk of chunks) {
      parser.push(chunk);
      for (let frame = parser.next(); frame !== undefined; frame = parser.next()) frames.push(frame);
    }
    return frames.map(({ type, channel, payload }) => `${type} ${channel} ${payload.toString()}`);
  }

  it('are the same wherever the stream is cut', () => {
    const whole = parse([stream]);
    for (let at = 0; at <= stream.length; at++) {
      expect(parse([stream.subarray(0, at), stream.subarray(at)])).to.deep.equal(whole);
    }
    expect(parse([...stream].map((byte) => Buffer.from([byte])))).to.deep.equal(whole);
  });

  it('are refused when they are too large, before they have arrived', () => {
    const head = Buffer.from([1, 0, 1, 0, 1, 0, 0]);
    expect(() => parse([head])).to.throw(FrameError);
  });

  it('are refused without their end octet', () => {
    const broken = Buffer.from(stream);
    broken[10] = 0;
    expect(() => parse([broken])).to.throw(FrameError);
  });
});

/** Without prototypes, and bytes as text. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
