/** What `celeriac dlq` prints: tables, dead letters without secrets, and nothing that could drive a terminal. */
import type { DeadLetter, DeadLetterSummary } from '@celeriac/core';
import { expect } from 'chai';

import { letterJson, letterText } from '../../dist/commands/dlq-letter.js';
import { purgeText, requeueText, summaryJson, summaryTable } from '../../dist/commands/dlq-text.js';
import { UsageError } from '../../dist/exit-codes.js';
import { rate } from '../../dist/parse.js';
import { ago } from '../../dist/text.js';

const now = Date.UTC(2026, 10, 26, 1);
const summary: DeadLetterSummary = {
  queue: 'billing',
  deadLetterQueue: 'billing.dead-letter',
  exists: true,
  messages: 12,
  read: 12,
  oldest: now - 90_000_000,
  counts: [
    { kind: 'task', name: 'charge', reason: 'failed', count: 10 },
    { kind: 'other', reason: 'malformed', count: 2 },
  ],
};
const none = { exists: true, messages: 0, read: 0, counts: [] };

const letter: DeadLetter = {
  id: 't1',
  kind: 'task',
  name: 'charge',
  reason: 'failed',
  by: 'worker',
  errorType: 'Error',
  error: 'at amqp://me:s3cret@host\u001b[2J',
  attempts: 3,
  time: now - 60_000,
  worker: 'w',
  queue: 'billing',
  exchange: '',
  routingKey: 'billing',
  headersDropped: false,
  properties: { contentType: 'application/json' },
  body: Buffer.from('[[{"password":"s3cret","n":1}],{},null]'),
};

describe('the table of dead letters', () => {
  it('has a line for each task and reason', () => {
    const all = [
      summary,
      { queue: 'quiet', deadLetterQueue: 'quiet.dead-letter', ...none },
      { queue: 'new', deadLetterQueue: 'new.dead-letter', ...none, exists: false },
    ];
    expect(summaryTable(all, now)).to.equal(
      [
        'queue    messages  oldest  task or event  reason     count',
        'billing        12  1d 1h   charge         failed        10',
        '                           (unknown)      malformed      2',
        'quiet           0',
        'new             -',
      ].join('\n'),
    );
  });

  it('says that the counts are not those of all', () => {
    const text = summaryTable([{ ...summary, read: 5 }], now);
    expect(text).to.match(/\nbilling: the counts are those of the oldest 5 of 12 \(--scan\)$/u);
  });

  it('is one object as JSON', () => {
    expect(summaryJson(summary)).to.deep.equal({ ...summary, oldest: '2026-11-25T00:00:00.000Z' });
  });
});

describe('a dead letter that is shown', () => {
  it('is a block of text', () => {
    expect(letterText(letter, now)).to.equal(
      [
        't1',
        '  task      charge',
        '  reason    failed',
        '  error     Error: at amqp://me:***@host\\u001b[2J',
        '  attempts  3',
        '  died      1m ago, 2026-11-26T00:59:00.000Z',
        '  worker    w',
        '  queue     billing',
        '  body      [[{"password":"***","n":1}],{},null]',
      ].join('\n'),
    );
  });

  it('shows no secret as JSON either', () => {
    const json = letterJson(letter);
    expect(JSON.stringify(json)).not.to.include('s3cret');
    expect(json).to.deep.include({ id: 't1', body: [[{ password: '***', n: 1 }], {}, null], bytes: 39 });
  });

  it('is cut where its body is long', () => {
    const long = { ...letter, body: Buffer.from(JSON.stringify(['x'.repeat(10_000)])) };
    expect(letterText(long, now).length).to.be.below(2500);
    expect(letterJson(long)).to.include({ isCut: true });
  });

  const bodies: readonly [type: string, body: Buffer, shown: unknown][] = [
    ['application/json', Buffer.from('no json'), 'no json'],
    ['text/plain', Buffer.from('at amqp://me:s3cret@host'), 'at amqp://me:***@host'],
    ['application/x-pickle', Buffer.from([0x80, 2, 0xff]), '3 bytes that are no text'],
  ];
  for (const [contentType, body, shown] of bodies) {
    it(`shows a body of ${contentType} as ${String(shown)}`, () => {
      expect(letterJson({ ...letter, properties: { contentType }, body }).body).to.equal(shown);
    });
  }

  it('says where the broker put it aside, how it came, and what is wrong with its headers', () => {
    const text = letterText(
      { ...letter, by: 'broker', exchange: 'bus', routingKey: 'a.b', headerError: 'bad tag' },
      now,
    );
    expect(text).to.include('  reason    failed, said the broker\n');
    expect(text).to.include('  came by   bus, a.b\n');
    expect(text).to.include('  headers   cannot be read: bad tag\n');
  });
});

describe('what was done with dead letters', () => {
  const report = {
    queue: 'q.dead-letter',
    read: 9,
    matched: 5,
    requeued: 3,
    signed: 0,
    unverified: 0,
    queues: { a: 2, b: 1 },
  };

  it('is told with all that an operator has to know', () => {
    expect(requeueText({ ...report, doubled: 1, skipped: 2, expiryDropped: 1 }, false)).to.equal(
      [
        '3 put back from q.dead-letter into',
        '  a  2',
        '  b  1',
        '1 of them without their expiry, which had passed (--expires)',
        '2 left alone: nothing says where they came from (--to), or their headers cannot be read',
        '1 of them still there too: the connection was lost in between',
      ].join('\n'),
    );
    expect(purgeText({ queue: 'q.dead-letter', matched: 2, purged: 2 }, true)).to.equal(
      '2 would be thrown away from q.dead-letter',
    );
  });
});

describe('--rate', () => {
  it('is a number per second', () => {
    expect(rate('--rate')('10/s')).to.equal(10);
    expect(rate('--rate')('0.5/s')).to.equal(0.5);
    for (const bad of ['10', '0/s', '-1/s', '1/m', '1e3/s', ''])
      expect(() => rate('--rate')(bad)).to.throw(UsageError);
  });
});

describe('ago', () => {
  for (const [ms, text] of [
    [0, '0s'],
    [-5, '0s'],
    [61_000, '1m 1s'],
    [3_600_000, '1h'],
    [277_200_000, '3d 5h'],
  ] as const) {
    it(`says ${text} for ${ms} ms`, () => expect(ago(ms)).to.equal(text));
  }
});
