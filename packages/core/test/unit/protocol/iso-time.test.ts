/** Moments as Celery writes them and reads them. */
import { expect } from 'chai';
import fc from 'fast-check';

import { formatIsoTime, parseIsoTime } from '../../../dist/protocol/iso-time.js';

describe('formatIsoTime', () => {
  it('writes six digits of fraction, or none: Celery 5.2 takes the digits for microseconds', () => {
    expect(formatIsoTime(Date.UTC(2026, 10, 25, 4, 9, 3, 317))).to.equal('2026-11-25T04:09:03.317000+00:00');
    expect(formatIsoTime(Date.UTC(2026, 10, 25, 4, 9, 3))).to.equal('2026-11-25T04:09:03+00:00');
  });

  it('is read back to the millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) }), (ms) => {
        expect(parseIsoTime(formatIsoTime(ms))).to.equal(ms);
      }),
    );
  });

  it('throws a RangeError for what is no moment', () => {
    expect(() => formatIsoTime(NaN)).to.throw(RangeError);
  });
});

describe('parseIsoTime', () => {
  const noon = Date.UTC(2026, 6, 1, 12);
  const table: readonly (readonly [string, number])[] = [
    ['2026-07-01T12:00:00Z', noon],
    ['2026-07-01T12:00:00+00:00', noon],
    ['2026-07-01T14:00:00+02:00', noon],
    ['2026-07-01T14:00:00+0200', noon],
    ['2026-07-01T14:00:00+02', noon],
    ['2026-07-01T06:30:00-05:30', noon],
    ['2026-07-01 12:00:00', noon],
    ['2026-07-01T12:00', noon],
    ['2026-07-01', Date.UTC(2026, 6, 1)],
    ['2026-07-01T12:00:00.5', noon + 500],
    ['2026-07-01T12:00:00.123456Z', noon + 123],
    ['2026-07-01T12:00:00.999999Z', noon + 999],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ];
  for (const [text, ms] of table) {
    it(`reads ${text}`, () => {
      expect(parseIsoTime(text)).to.equal(ms);
    });
  }

  for (const text of [
    '',
    'garbage',
    '2026-02-31T00:00:00Z',
    '2025-02-29',
    '2026-13-01',
    '2026-07-01T25:00:00Z',
    '2026-07-01T12:60:00Z',
    '2026-07-01T12:00:61Z',
    '2026-07-01T12:00:00+25:00',
    '2026-07-01T12:00:00+02:75',
    '2026-07-01T12:00:00Z ',
    '1700000000',
    '२०२६-07-01',
  ]) {
    it(`refuses '${text}'`, () => {
      expect(parseIsoTime(text)).to.equal(undefined);
    });
  }

  it('takes a text without offset for the wall clock of the zone, also where summer time begins', () => {
    const zone = 'Europe/Berlin';

    expect(parseIsoTime('2026-01-01T12:00:00', zone)).to.equal(Date.UTC(2026, 0, 1, 11));
    expect(parseIsoTime('2026-07-01T12:00:00', zone)).to.equal(Date.UTC(2026, 6, 1, 10));
    expect(parseIsoTime('2026-03-29T03:30:00', zone)).to.equal(Date.UTC(2026, 2, 29, 1, 30));
    expect(parseIsoTime('2026-03-29T01:30:00', zone)).to.equal(Date.UTC(2026, 2, 29, 0, 30));
  });

  it('is undefined for a zone that does not exist, and throws for no text', () => {
    expect(parseIsoTime('2026-07-01T12:00:00', 'Mars/Olympus')).to.equal(undefined);
    fc.assert(fc.property(fc.string(), (text) => void parseIsoTime(text)));
  });
});
