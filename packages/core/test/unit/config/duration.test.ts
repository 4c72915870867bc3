/** Durations and sizes as people write them, and the suggestions for mistyped words. */
import { expect } from 'chai';
import fc from 'fast-check';

import { parseByteSize, parseDuration } from '../../../dist/config/duration.js';
import { editDistance, nearest } from '../../../dist/policy/nearest.js';
import { isCeleriacError } from '../../../dist/errors.js';

function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    return isCeleriacError(error, 'ERR_INPUT_INVALID');
  }
}

describe('parseDuration', () => {
  for (const [text, seconds] of [
    ['500ms', 0.5],
    ['10s', 10],
    ['1.5m', 90],
    ['1h', 3600],
    ['30d', 2_592_000],
    ['0s', 0],
    [0.25, 0.25],
    [7, 7],
  ] as const) {
    it(`reads ${JSON.stringify(text)} as ${seconds} seconds`, () => {
      expect(parseDuration(text)).to.equal(seconds);
    });
  }

  for (const bad of ['', '10', '10 s', '-1s', '1e3s', 's', '1w', '1S', -1, NaN, Infinity, true, null, {}]) {
    it(`refuses ${JSON.stringify(bad)} (${typeof bad})`, () => {
      expect(isRefused(() => parseDuration(bad as string))).to.equal(true);
    });
  }

  it('reads whole milliseconds without a rounding error', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), (ms) => {
        expect(Math.abs(parseDuration(`${ms}ms`) * 1000 - ms)).to.be.lessThan(1e-6);
      }),
    );
  });
});

describe('parseByteSize', () => {
  for (const [text, bytes] of [
    ['16MiB', 16_777_216],
    ['32MB', 32_000_000],
    ['1.5KiB', 1536],
    ['1kB', 1000],
    ['7B', 7],
    [42, 42],
  ] as const) {
    it(`reads ${JSON.stringify(text)} as ${bytes} bytes`, () => {
      expect(parseByteSize(text)).to.equal(bytes);
    });
  }

  for (const bad of ['', '16', '16mib', '-1B', 1.5, -1, '999999999999GiB', false]) {
    it(`refuses ${JSON.stringify(bad)} (${typeof bad})`, () => {
      expect(isRefused(() => parseByteSize(bad as string))).to.equal(true);
    });
  }
});

describe('nearest', () => {
  it('counts two swapped neighbours as one edit', () => {
    expect(editDistance('ampq', 'amqp')).to.equal(1);
    expect(editDistance('', 'abc')).to.equal(3);
  });

  it('suggests the nearest word and nothing when all are far', () => {
    expect(nearest('concurency', ['queues', 'concurrency'])).to.equal('concurrency');
    expect(nearest('elephant', ['queues', 'concurrency'])).to.equal(undefined);
  });
});
