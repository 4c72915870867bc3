/** What a dead letter carries, and that it gives away no secret. Nothing is published. */
import { expect } from 'chai';

import { barest, deadLetter, deadLetterHeaders as names } from '../../dist/dead-letter.js';
import type { Delivery } from '../../dist/ports.js';

const body = Buffer.from([0, 255, 1]);
const delivery: Delivery = {
  queue: 'celery',
  exchange: 'x',
  routingKey: 'rk',
  redelivered: true,
  properties: { messageId: 'm1', expiration: '60000', headers: { task: 'a' } },
  body,
  live: true,
  onLost: () => () => undefined,
  ack: () => undefined,
  requeue: () => undefined,
};
const by = { worker: 'w1', at: new Date(0) };
const letterOf = (error: unknown) => deadLetter(delivery, { reason: 'failed', error }, by);

describe('deadLetter', () => {
  it('keeps the body byte for byte, the id and the original headers', () => {
    const letter = letterOf(new Error('boom'));
    expect(letter.body.equals(body)).to.equal(true);
    expect(letter.properties.messageId).to.equal('m1');
    expect(letter.properties.headers).to.include({
      task: 'a',
      [names.reason]: 'failed',
      [names.error]: 'boom',
      [names.queue]: 'celery',
      [names.exchange]: 'x',
      [names.routingKey]: 'rk',
      [names.worker]: 'w1',
      [names.time]: '1970-01-01T00:00:00.000Z',
      [names.redelivered]: true,
    });
  });

  it('moves the expiration to a header, so that the letter stays', () => {
    const { properties } = letterOf(new Error('boom'));
    expect(properties).not.to.have.property('expiration');
    expect(properties.headers).to.have.property(names.expiration, '60000');
  });

  it('says how often it was tried, and keeps when it failed first and how it came', () => {
    const headers = {
      'celeriac-first-time': 'then',
      'celeriac-exchange': 'celeriac.events',
      'celeriac-routing-key': 'core.deal.new',
    };
    const retried = { ...delivery, properties: { messageId: 'm1', headers } };
    const letter = deadLetter(retried, { reason: 'failed', detail: 'exhausted', attempts: 3, error: 1 }, by);
    expect(letter.properties.headers).to.include({
      ...headers,
      [names.attempts]: 3,
      [names.detail]: 'exhausted',
    });
  });

  it('tells nothing of an earlier death, from which another program moved it back', () => {
    const earlier = letterOf(new Error('boom')).properties.headers;
    const old = {
      [names.detail]: 'exhausted',
      [names.attempts]: 4,
      [names.expiration]: '1',
      [names.headersDropped]: true,
    };
    const properties = { messageId: 'm1', headers: { ...earlier, ...old, own: 1 } };
    const letter = deadLetter({ ...delivery, properties }, { reason: 'unknown', error: 1 }, by);

    expect(letter.properties.headers).to.include({ task: 'a', own: 1, [names.reason]: 'unknown' });
    expect(letter.properties.headers).not.to.have.any.keys(...Object.keys(old));
  });

  it('that is too large for a frame keeps what it takes to run it, and nothing that is large', () => {
    const headers = {
      task: 'billing.charge',
      id: 't1',
      'celeriac-input': 'value',
      'celeriac-payload': { reference: 'r', bytes: 1, sha256: 'a' },
      stamps: 'x'.repeat(100_000),
      own: 1,
    };
    const whole = (more: object) =>
      deadLetter(
        { ...delivery, properties: { messageId: 'm1', headers: { ...headers, ...more } } },
        { reason: 'failed', error: 1 },
        by,
      );

    const kept = barest(whole({})).properties.headers;
    const { stamps: _large, own: _unknown, ...essential } = headers;
    expect(kept).to.include({ task: 'billing.charge', id: 't1', [names.headersDropped]: true });
    expect(kept).to.deep.include(essential);
    expect(kept).not.to.have.any.keys('stamps', 'own');
    const without = barest(whole({ task: 'x'.repeat(300), id: { a: ['deep'] } })).properties.headers;
    expect(without).not.to.have.any.keys('task', 'id');
  });

  it('cuts the error to 1024 bytes without splitting a character', () => {
    const text = letterOf(new Error('é€'.repeat(1000))).properties.headers?.[names.error] as string;
    expect(Buffer.byteLength(text)).to.be.within(1000, 1024);
    expect(text).not.to.include('\uFFFD');
  });

  it('masks a password in the error', () => {
    const letter = letterOf(new Error('cannot reach amqp://bob:canary@host'));
    expect(JSON.stringify(letter)).to.include('amqp://bob:***@host').and.not.include('canary');
  });
});
