/** Messages that are wrong, as foreign programs send them: read where Celery reads them, else refused by reason. */
import { deflateSync } from 'node:zlib';

import { expect } from 'chai';

import type { MessageProperties } from '../../../dist/ports.js';
import { maxInflatedBytes } from '../../../dist/protocol/body.js';
import { decodeTask } from '../../../dist/protocol/celery-v2.js';
import type { Received } from '../../../dist/protocol/received.js';
import { malformedCases, received } from './captures.js';

/** What becomes of each captured case; Celery's own outcome is beside it in the fixture. */
const expected: Readonly<Record<string, string>> = {
  min_ok: 'read',
  'embed null': 'read',
  'two elements': 'not-a-task',
  'no headers, list body': 'not-a-task',
  'task header but no id': 'bad-field',
  'no content_type': 'content-type',
  'content_type text/xml': 'content-type',
  'content_encoding binary': 'read',
  'content_encoding UTF-8': 'read',
  'eta garbage': 'bad-field',
  'eta ...Z': 'read',
  'eta with ms Z': 'read',
  'eta naive': 'read',
  'kwargs is list': 'bad-field',
  'body not JSON': 'undecodable-body',
  'retries null': 'read',
  'timelimit null': 'read',
  'v1 minimal': 'read',
  'v1 no args/kwargs': 'read',
  'unknown __type__': 'read',
};

function task(headers: Record<string, unknown>, extra: Partial<Received> = {}): Received {
  const properties: MessageProperties = {
    contentType: 'application/json',
    contentEncoding: 'utf-8',
    headers: { task: 't', id: 'i', ...headers },
  };
  return { properties, body: Buffer.from('[[],{},{}]'), ...extra };
}

function reasonOf(message: Received): string {
  const result = decodeTask(message);
  return result.ok ? 'read' : result.reason;
}

describe('a captured malformed message', () => {
  for (const captured of malformedCases()) {
    it(`'${captured.case}' is ${expected[captured.case] ?? 'not in the table'}`, () => {
      const { headers, properties, body } = captured;

      expect(reasonOf(received({ properties: { ...properties, headers }, body }))).to.equal(
        expected[captured.case],
      );
    });
  }

  it('with an eta without offset means the configured time zone', () => {
    const message = task({ eta: '2026-07-01T12:00:00' });

    const berlin = decodeTask(message, { timeZone: 'Europe/Berlin' });
    const utc = decodeTask(message);

    expect(berlin).to.have.nested.property('message.eta', Date.UTC(2026, 6, 1, 10));
    expect(utc).to.have.nested.property('message.eta', Date.UTC(2026, 6, 1, 12));
  });
});

describe('protocol 1', () => {
  const body = { task: 't', id: 'i', args: [1], kwargs: {}, eta: '2026-07-01T12:00:00' };

  function eta(document: unknown, headers: Record<string, unknown> = {}): unknown {
    const message = task({}, { body: Buffer.from(JSON.stringify(document)) });
    const properties = { ...message.properties, headers };
    const result = decodeTask({ ...message, properties }, { timeZone: 'Europe/Berlin' });
    return result.ok ? result.message.eta : result.reason;
  }

  it('means UTC by a moment without offset, and the configured zone only with utc: false', () => {
    expect(eta(body)).to.equal(Date.UTC(2026, 6, 1, 12));
    expect(eta({ ...body, utc: true })).to.equal(Date.UTC(2026, 6, 1, 12));
    expect(eta({ ...body, utc: false })).to.equal(Date.UTC(2026, 6, 1, 10));
  });

  it('yields to headers of protocol 2 beside it', () => {
    expect(eta(body, { eta: '2030-01-01T00:00:00Z' })).to.equal(Date.UTC(2030, 0, 1));
  });

  it('is no task without a name', () => {
    expect(eta({ id: 'i', args: [] })).to.equal('not-a-task');
  });
});

describe('a message is refused', () => {
  const cases: readonly (readonly [string, Received, string])[] = [
    ['retries as text', task({ retries: '1' }), 'bad-field'],
    ['retries below zero', task({ retries: -1 }), 'bad-field'],
    ['a fraction of retries', task({ retries: 0.5 }), 'bad-field'],
    ['a time limit that is no list', task({ timelimit: 30 }), 'bad-field'],
    ['a time limit of text', task({ timelimit: ['30', null] }), 'bad-field'],
    ['a negative time limit', task({ timelimit: [-1, null] }), 'bad-field'],
    ['an id that is a number', task({ id: 7 }), 'bad-field'],
    ['an empty task name', task({ task: '' }), 'bad-field'],
    ['an id over 255 bytes', task({ id: 'é'.repeat(128) }), 'bad-field'],
    ['an eta that is a number', task({ eta: 1_700_000_000 }), 'bad-field'],
    ['an expires on 31 February', task({ expires: '2026-02-31T00:00:00Z' }), 'bad-field'],
    ['args that are an object', task({}, { body: Buffer.from('[{},{},{}]') }), 'bad-field'],
    ['an embed that is text', task({}, { body: Buffer.from('[[],{},"x"]') }), 'bad-field'],
    ['invalid UTF-8', task({}, { body: Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]) }), 'undecodable-body'],
    ['an empty body', task({}, { body: Buffer.alloc(0) }), 'undecodable-body'],
    ['a body nested too deeply', task({}, { body: Buffer.from('['.repeat(100_000)) }), 'too-deep'],
    ['an unknown compression', task({ compression: 'application/x-bz2' }), 'content-encoding'],
    ['compression that is not', task({ compression: 'gzip' }), 'undecodable-body'],
    [
      'a body that inflates without end',
      task({ compression: 'gzip' }, { body: deflateSync(Buffer.alloc(maxInflatedBytes + 1, 0x20)) }),
      'too-large',
    ],
    [
      'a small body that inflates more than a hundredfold',
      task({ compression: 'gzip' }, { body: deflateSync(Buffer.alloc(2 * 1024 * 1024, 0x20)) }),
      'too-large',
    ],
    ['unreadable headers', task({}, { headerError: 'unknown field type' }), 'undecodable-headers'],
    [
      'UTF-16',
      task({}, { properties: { contentType: 'application/json', contentEncoding: 'utf-16' } }),
      'content-encoding',
    ],
  ];
  for (const [what, message, reason] of cases) {
    it(`for ${what}: ${reason}`, () => {
      expect(reasonOf(message)).to.equal(reason);
    });
  }

  it('with an error that names the problem and holds no part of the body', () => {
    const result = decodeTask(task({}, { body: Buffer.from('{"password": hunter2}') }));

    expect(result).to.have.nested.property('error.code', 'ERR_MESSAGE_MALFORMED');
    expect(JSON.stringify(result)).not.to.include('hunter2');
  });
});
