/** What a dead letter becomes when it is put back: counters and marks are gone, the rest is as it was. */
import { expect } from 'chai';

import { requeuedCopy } from '../../../dist/dead-letters/copy.js';
import type { DeadLetter } from '../../../dist/dead-letters/letter.js';
import { readLetter } from '../../../dist/dead-letters/letter.js';
import { deliveryCount } from '../../../dist/policy/redelivery.js';
import { decodeTask } from '../../../dist/protocol/celery-v2.js';
import { byWorker, deadLetterQueue, deaths, died, letterOf } from './letters.js';

const now = Date.UTC(2026, 10, 26, 1);
const celery = {
  task: 'charge',
  id: 't1',
  root_id: 'r1',
  parent_id: 'p1',
  lang: 'py',
  stamps: {},
  timelimit: [9, 8],
};
const options = { queue: 'billing', now, timeZone: 'UTC' };
/** What was known of its attempts is over: it is a new chain of them. */
const chain = { 'celeriac-chain': `requeued ${now}` };
const copyOf = (letter: DeadLetter, expiresMs?: number) => requeuedCopy(letter, { ...options, expiresMs });

describe('the copy of a dead letter', () => {
  it('of a task is as before its first attempt', () => {
    const headers = {
      ...celery,
      retries: 2,
      eta: '2026-11-26T00:30:00',
      'x-own': 'kept',
      ...byWorker,
      ...deaths(died),
    };
    const properties = { correlationId: 't1', replyTo: 'reply', priority: 3, contentEncoding: 'utf-8' };
    const letter = letterOf({ ...headers, CC: ['elsewhere'], 'celeriac-input': 'value' }, properties);

    const { message, expiryDropped } = copyOf(letter);

    expect(message).to.include({ exchange: '', routingKey: 'billing', body: letter.body });
    expect(message.properties).to.deep.equal({
      ...properties,
      contentType: 'application/json',
      messageId: 'm1',
      headers: { ...celery, ...chain, retries: 0, eta: null, 'x-own': 'kept', 'celeriac-input': 'value' },
    });
    expect(expiryDropped).to.equal(false);
  });

  it('of an event keeps how it came, by which its handler is found', () => {
    const event = '{"specversion":"1.0","id":"e1","type":"a.b","source":"s"}';
    const type = { contentType: 'application/cloudevents+json' };

    const ours = copyOf(letterOf({ ...byWorker, 'x-own': 1 }, type, event)).message;
    const brokers = copyOf(
      letterOf(deaths({ ...died, exchange: 'bus', 'routing-keys': ['a.b'] }), type, event),
    );

    const cameBy = { 'celeriac-exchange': 'x', 'celeriac-routing-key': 'x.key' };
    expect(ours.properties.headers).to.deep.equal({ 'x-own': 1, ...cameBy, ...chain });
    expect(brokers.message.properties.headers).to.deep.equal({
      'celeriac-exchange': 'bus',
      'celeriac-routing-key': 'a.b',
      ...chain,
    });
  });

  it('of whatever it is begins its deliveries anew: with its old count it would die again unseen', () => {
    const counted = { ...byWorker, 'celeriac-reason': 'delivery-limit', 'celeriac-deliveries': 21 };
    const event = { contentType: 'application/cloudevents+json' };
    for (const letter of [
      letterOf({ task: 'charge', id: 't1', ...counted }),
      letterOf(counted, event, '{"specversion":"1.0","id":"e1","type":"a.b","source":"s"}'),
      letterOf(counted, { contentType: 'text/plain' }, 'other'),
    ]) {
      const { properties } = copyOf(letter).message;
      expect(deliveryCount({ redelivered: false, properties }), letter.kind).to.include({ before: 0 });
    }
  });

  it('of an event that had an expiry has none, and says so', () => {
    const type = { contentType: 'application/cloudevents+json' };
    const { message, expiryDropped } = copyOf(letterOf(byWorker, type, '{}'));
    expect(expiryDropped).to.equal(true);
    expect(message.properties).not.to.have.property('expiration');
    expect(copyOf(letterOf(byWorker, type, '{}'), 5000).message.properties).to.include({
      expiration: '5000',
    });
  });

  const expiries: readonly [
    what: string,
    expires: unknown,
    left: unknown,
    expiration: unknown,
    dropped: boolean,
  ][] = [
    ['has passed', '2026-11-26T00:59:59', null, undefined, true],
    ['is now', '2026-11-26T01:00:00+00:00', null, undefined, true],
    ['is to come', '2026-11-26T01:00:09', '2026-11-26T01:00:09', '9000', false],
    ['cannot be read', 'soon', 'soon', undefined, false],
    ['is none', null, null, undefined, false],
  ];
  for (const [what, expires, left, expiration, dropped] of expiries) {
    it(`of a task whose expiry ${what} has ${String(left)}`, () => {
      const { message, expiryDropped } = copyOf(letterOf({ ...celery, expires }));
      expect(message.properties.headers?.expires).to.equal(left);
      expect(message.properties.expiration).to.equal(expiration);
      expect(expiryDropped).to.equal(dropped);
    });
  }

  it('of a task gets the expiry that is asked for', () => {
    const { message, expiryDropped } = copyOf(
      letterOf({ ...celery, expires: '2026-11-26T00:59:59' }),
      90_000,
    );
    expect(Date.parse(String(message.properties.headers?.expires))).to.equal(now + 90_000);
    expect(message.properties.expiration).to.equal('90000');
    expect(expiryDropped).to.equal(false);
  });

  it('of protocol 1 is protocol 2, where its counters can be reset', () => {
    const old = { task: 'old', id: 't1', args: [1], kwargs: {}, retries: 4, eta: '2026-11-26T00:30:00' };
    const { message } = copyOf(
      letterOf(byWorker, {}, JSON.stringify({ ...old, expires: '2026-11-26T00:31:00' })),
    );
    const decoded = decodeTask(message);
    expect(decoded).to.deep.include({ ok: true });
    expect(decoded.ok && decoded.message).to.deep.include({ task: 'old', id: 't1', args: [1], retries: 0 });
    expect(decoded.ok && decoded.message).not.to.have.any.keys('eta', 'expires');
  });

  it('of a task that cannot be read is sent as it came', () => {
    const letter = letterOf({ ...celery, ...byWorker }, { contentType: 'application/x-pickle' }, '\0');
    const { body, properties } = copyOf(letter).message;
    expect(body).to.equal(letter.body);
    expect(properties.headers).to.deep.equal({ ...celery, ...chain, retries: 0, eta: null });
  });

  it('keeps the bytes of a header table that nobody could read: there is no other copy', () => {
    const raw = Buffer.from([1, 2]);
    const received = {
      properties: { headers: { ...byWorker, 'celeriac-raw-headers': raw } },
      body: Buffer.from('x'),
    };
    const { message } = copyOf(readLetter(received, deadLetterQueue));
    expect(message.properties.headers).to.deep.include({ 'celeriac-raw-headers': raw });
    expect(message.properties.headers).not.to.have.property('celeriac-reason');
  });
});
