/** Records of a journal as bytes, and back; files that were cut short; files with a byte that is another. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';
import fc from 'fast-check';

import { type Read, preamble, readJournal } from '../../../dist/journal/journal-reader.js';
import { headBytes, RecordWriter } from '../../../dist/journal/record-writer.js';
import { type JournalRecord, readRecord, writeRecord } from '../../../dist/journal/records.js';
import { DataDirectories } from '../../support/data-directory.js';
import { entry, message } from '../../support/messages.js';

function written(records: readonly JournalRecord[]): Buffer {
  const out = new RecordWriter();
  for (const record of records) writeRecord(out, record);
  return Buffer.from(out.bytes);
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const count = fc.nat(0xffff_ffff);
const position = fc.nat(2 ** 40);
const optional = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const table = fc.dictionary(
  fc.string({ maxLength: 10 }),
  fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.bigInt(2n ** 53n, 2n ** 63n - 1n)),
  { noNullPrototype: false, maxKeys: 4 },
);
const binding = fc.record({
  source: text,
  destination: fc.record({ kind: fc.constantFrom('queue' as const, 'exchange' as const), name: text }),
  routingKey: text,
  arguments: table,
});
const anEntry = fc
  .record({
    position,
    expiresAt: optional(fc.double({ noNaN: true })),
    redelivered: fc.boolean(),
    deliveryCount: count,
    acquiredCount: optional(count),
    exchange: text,
    routingKey: text,
    copies: fc.array(text, { maxLength: 3 }),
    hasDied: fc.boolean(),
    body: fc.uint8Array({ maxLength: 100 }),
    sent: fc.record({
      persistent: fc.boolean(),
      priority: optional(fc.nat(255)),
      expiration: optional(fc.nat().map(String)),
      headers: table,
    }),
  })
  .map(({ exchange, routingKey, copies, hasDied, body, sent, acquiredCount, ...rest }) => ({
    ...rest,
    ...(acquiredCount === undefined ? {} : { acquiredCount }),
    message: {
      ...message(sent),
      exchange,
      routingKey,
      body: Buffer.from(body),
      ...(copies.length > 0 ? { copies } : {}),
      ...(hasDied ? { hasDied } : {}),
    },
  }));
const exchange = fc.record({
  name: text,
  type: fc.constantFrom('direct' as const, 'fanout' as const, 'topic' as const, 'headers' as const),
  durable: fc.constant(true),
  autoDelete: fc.boolean(),
  internal: fc.boolean(),
  arguments: table,
});
const kind = <K extends JournalRecord['kind']>(...kinds: K[]): fc.Arbitrary<K> => fc.constantFrom(...kinds);
const aRecord: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({ kind: kind('complete') }),
  fc.record({ kind: kind('exchange declared'), vhost: text, exchange }),
  fc.record({ kind: kind('exchange deleted'), vhost: text, name: text }),
  fc.record({
    kind: kind('queue declared'),
    vhost: text,
    id: count,
    queue: fc.record({ name: text, autoDelete: fc.boolean(), arguments: table }),
  }),
  fc.record({ kind: kind('queue deleted'), id: count }),
  fc.record({ kind: kind('bound', 'unbound'), vhost: text, binding }),
  fc.record({ kind: kind('added'), id: count, entry: anEntry }),
  fc.record({ kind: kind('delivered', 'removed'), id: count, position }),
  fc.record({
    kind: kind('returned'),
    id: count,
    position,
    place: fc.constantFrom('its own' as const, 'last' as const, 'first' as const),
    deliveryCount: count,
    acquiredCount: optional(count),
  }),
);

describe('a record', () => {
  it('is read as it was written, whatever it says', () => {
    fc.assert(
      fc.property(aRecord, (record) => {
        const bytes = written([record]);

        const read = readRecord(bytes.subarray(headBytes));

        expect(plain(read)).to.deep.equal(plain(record));
        expect(written([read]).equals(bytes)).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });

  it('may be larger than what the buffer began with', () => {
    const body = 'x'.repeat(3_000_000);
    const records: JournalRecord[] = [
      { kind: 'added', id: 1, entry: entry(0, { body }) },
      { kind: 'removed', id: 1, position: 0 },
    ];
    const bytes = written(records);

    expect(bytes.length).to.be.greaterThan(body.length);
    const first = bytes.subarray(headBytes, bytes.length - written(records.slice(1)).length);
    expect(plain(readRecord(first))).to.deep.equal(plain(records[0]));
  });

  it('leaves nothing behind when its arguments cannot be written', () => {
    const out = new RecordWriter();
    writeRecord(out, { kind: 'queue deleted', id: 1 });
    const before = Buffer.from(out.bytes);
    const queue = { name: 'q', autoDelete: false, arguments: { x: () => undefined } };

    expect(() => writeRecord(out, { kind: 'queue declared', vhost: '/', id: 1, queue })).to.throw();
    expect(out.bytes.equals(before)).to.equal(true);
  });
});

/** Tables are read as objects without prototype, which is of no interest here. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

describe('a journal file', () => {
  const directories = new DataDirectories();
  afterEach(() => directories.clear());

  const head: JournalRecord[] = [
    { kind: 'queue declared', vhost: '/', id: 1, queue: { name: 'q', autoDelete: false, arguments: {} } },
    { kind: 'complete' },
  ];
  const tail: JournalRecord[] = [
    { kind: 'added', id: 1, entry: entry(0, { body: 'one' }) },
    { kind: 'delivered', id: 1, position: 0 },
    { kind: 'added', id: 1, entry: entry(1, { body: 'two' }) },
  ];
  const all = [...head, ...tail];
  const whole = Buffer.concat([preamble, written(all)]);
  /** Where each record ends. */
  const ends = all.map((_, index) => preamble.length + written(all.slice(0, index + 1)).length);
  const completeEnd = ends[1] ?? 0;
  const lastStart = ends.at(-2) ?? 0;

  function read(bytes: Buffer): { kinds: string[]; read: Read } {
    const file = join(directories.make(), 'journal');
    writeFileSync(file, bytes);
    const kinds: string[] = [];
    return { read: readJournal(file, (record) => kinds.push(record.kind)), kinds };
  }
  function refusal(bytes: Buffer): { code: unknown; offset: unknown } {
    try {
      read(bytes);
    } catch (error) {
      if (isCeleriacError(error)) return { code: error.code, offset: error.values.offset };
      throw error;
    }
    throw new Error('it was read');
  }

  it('that was cut anywhere behind its beginning gives the records that are whole', () => {
    for (let size = completeEnd; size <= whole.length; size++) {
      const { kinds, read: result } = read(whole.subarray(0, size));
      const fits = ends.filter((end) => end <= size);
      expect(kinds, `cut to ${size}`).to.deep.equal(all.slice(0, fits.length).map((one) => one.kind));
      expect(result).to.deep.equal({ end: fits.at(-1), torn: size - (fits.at(-1) ?? 0) });
      directories.clear();
    }
  });

  it('that was cut within its beginning is refused: no killed process leaves that', () => {
    for (let size = 0; size < completeEnd; size++) {
      expect(refusal(whole.subarray(0, size)).code, `cut to ${size}`).to.equal('ERR_JOURNAL_CORRUPT');
      directories.clear();
    }
  });

  it('with one byte changed is refused, at the record it is in; but for the last record, which may be torn', () => {
    for (let at = preamble.length; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x41;
      if (at >= lastStart + 8) {
        expect(read(damaged).kinds, `byte ${at}`).to.have.length(all.length - 1);
      } else {
        const start = [preamble.length, ...ends].filter((end) => end <= at).at(-1);
        expect(refusal(damaged), `byte ${at}`).to.deep.equal({ code: 'ERR_JOURNAL_CORRUPT', offset: start });
      }
      directories.clear();
    }
  });

  it('that ends in zeros, as after a power failure, gives what comes before them', () => {
    for (let from = completeEnd; from < whole.length; from++) {
      const zeroed = Buffer.concat([whole.subarray(0, from), Buffer.alloc(whole.length - from + 50)]);
      const fits = ends.filter((end) => end <= from);
      const { kinds } = read(zeroed);
      // A record may end in zeros of its own.
      expect(kinds.length, `zeros from ${from}`).to.be.within(fits.length, fits.length + 1);
      expect(kinds).to.deep.equal(all.slice(0, kinds.length).map((one) => one.kind));
      directories.clear();
    }
  });

  it('of a newer format is refused as such', () => {
    const newer = Buffer.from(whole);
    newer.writeUInt32BE(2, preamble.length - 4);

    expect(refusal(newer).code).to.equal('ERR_JOURNAL_VERSION');
  });

  it('with a record that is whole but unknown is refused', () => {
    const out = new RecordWriter();
    out.begin(200);
    out.finish();
    const bytes = Buffer.concat([whole, out.bytes]);

    expect(refusal(bytes)).to.deep.equal({ code: 'ERR_JOURNAL_CORRUPT', offset: whole.length });
  });

  it('says how what comes before the damage can be kept', () => {
    const directory = directories.make();
    const file = join(directory, 'journal-000001');
    const damaged = Buffer.from(whole);
    damaged[lastStart] = 0xff;
    writeFileSync(file, damaged);
    let hint: string | undefined;
    try {
      directories.open(directory);
    } catch (error) {
      hint = isCeleriacError(error, 'ERR_JOURNAL_CORRUPT') ? error.hint : undefined;
    }
    const [, size] = /truncate -s (\d+) (\S+)\./u.exec(hint ?? '') ?? [];

    truncateSync(file, Number(size));

    expect(directories.open(directory).state.vhost('/').queues.get('q')?.entries.size).to.equal(1);
  });

  it('larger than what is read at once is read whole', () => {
    const many = Array.from({ length: 300 }, (_, index): JournalRecord => {
      const body = 'x'.repeat(index * 97);
      return { kind: 'added', id: 1, entry: entry(index, { body }) };
    });
    const huge: JournalRecord = { kind: 'added', id: 1, entry: entry(300, { body: 'y'.repeat(2_500_000) }) };
    const bytes = Buffer.concat([whole, written([...many, huge, ...many])]);

    const { kinds, read: result } = read(bytes);

    expect(kinds).to.have.length(all.length + 601);
    expect(result).to.deep.equal({ end: bytes.length, torn: 0 });
  });
});
