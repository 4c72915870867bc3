/** Copies for another attempt, against what Celery's own retry sends; and copies that travel unchanged. */
import { readFileSync } from 'node:fs';

import { expect } from 'chai';

import type { MessageProperties } from '../../../dist/ports.js';
import { deliveryCount } from '../../../dist/policy/redelivery.js';
import {
  cameBy,
  copyAsItCame,
  copyDeferred,
  copyPostponed,
  deferralCount,
  eventForRetry,
  eventRetries,
  taskCrashes,
  taskForRetry,
} from '../../../dist/protocol/again.js';
import { decodeTask } from '../../../dist/protocol/celery-v2.js';
import { type Captured, received } from './captures.js';

const now = Date.UTC(2026, 10, 25, 4, 9, 17);
const eta = now + 1358;

function retried(version: string): readonly [first: Captured, second: Captured] {
  const url = new URL(`../../../test/fixtures/celery/retry-${version}.json`, import.meta.url);
  const { scenarios } = JSON.parse(readFileSync(url, 'utf8')) as {
    scenarios: { retry: [Captured, Captured] };
  };
  return scenarios.retry;
}

/** As it arrives after a walk through the delay queues, and a lost connection. */
const marks = {
  'x-death': [{ count: 1, reason: 'expired', queue: 'celery_delayed_1' }],
  'x-first-death-exchange': 'celery_delayed_27',
  'x-first-death-queue': 'celery_delayed_1',
  'x-first-death-reason': 'expired',
  'x-last-death-reason': 'expired',
  'x-delivery-count': 1,
  CC: ['elsewhere'],
};

function incoming(properties: MessageProperties, body = '[[1],{},{}]') {
  return { properties, body: Buffer.from(body), exchange: 'celery_delayed_0', routingKey: '0.1.q' };
}

describe('a task for its next attempt', () => {
  for (const version of ['5.2.6', '5.6.3']) {
    it(`differs from the first as Celery ${version}'s own does`, () => {
      const [first, second] = retried(version);
      const original = { ...received(first), exchange: '', routingKey: 'celery' };

      const copy = taskForRetry('UTC')(original, { retries: 1, eta, now });

      const { 'celeriac-first-time': firstTime, ...headers } = copy.properties.headers as Record<
        string,
        unknown
      >;
      const {
        eta: theirs,
        origin: _differs,
        ...expected
      } = second.properties.headers as Record<string, unknown>;
      const { origin } = first.properties.headers as Record<string, unknown>;
      expect(headers).to.deep.equal({ ...expected, origin, eta: '2026-11-25T04:09:18.358000+00:00' });
      expect(theirs).to.be.a('string');
      expect(firstTime).to.equal('2026-11-25T04:09:17+00:00');
      expect(copy.body).to.equal(original.body);
      expect(copy.properties).to.include({
        correlationId: second.properties.correlation_id,
        replyTo: second.properties.reply_to,
        messageId: second.properties.correlation_id,
      });
    });
  }

  it('counts crashes where it is told to, and keeps the count where not', () => {
    const first = taskForRetry('UTC')(
      incoming({ contentType: 'application/json', headers: { task: 'a', id: '1' } }),
      {
        retries: 1,
        eta,
        now,
        crashes: 1,
      },
    );
    const second = taskForRetry('UTC')({ ...first, exchange: '', routingKey: 'q' }, { retries: 2, eta, now });
    expect([first, second].map(({ properties }) => taskCrashes(properties))).to.deep.equal([1, 1]);
    expect(taskCrashes({ headers: { 'celeriac-crashes': 'many' } })).to.equal(0);
  });

  it('keeps when it failed first, and nothing that the broker wrote on it', () => {
    const headers = { task: 'a', id: '7', retries: 1, 'celeriac-first-time': 'then', 'x-own': 1, ...marks };
    const message = incoming({ contentType: 'application/json', messageId: 'm', expiration: '500', headers });

    const { properties } = taskForRetry('UTC')(message, { retries: 2, eta, now });

    expect(properties.headers).to.deep.equal({
      task: 'a',
      id: '7',
      retries: 2,
      eta: '2026-11-25T04:09:18.358000+00:00',
      parent_id: '7',
      'celeriac-first-time': 'then',
      'x-own': 1,
    });
    expect(properties).not.to.have.property('expiration');
    expect(properties.messageId).to.equal('m');
  });

  it('is protocol 2 where it came in protocol 1', () => {
    const document = {
      task: 'a',
      id: '7',
      args: [1, { b: 2 }],
      kwargs: { c: 3 },
      retries: 1,
      eta: null,
      expires: '2027-01-01T00:00:00+00:00',
      callbacks: [{ task: 'next' }],
    };
    const message = incoming(
      { contentType: 'application/json', correlationId: '7', headers: { 'x-own': 1 } },
      JSON.stringify(document),
    );

    const copy = taskForRetry('UTC')(message, { retries: 2, eta, now });

    expect(copy.properties.headers).to.include({
      task: 'a',
      id: '7',
      retries: 2,
      parent_id: '7',
      'x-own': 1,
      expires: '2027-01-01T00:00:00+00:00',
    });
    const decoded = decodeTask(copy);
    expect(decoded.ok && decoded.message).to.deep.include({
      task: 'a',
      args: [1, { b: 2 }],
      kwargs: { c: 3 },
      retries: 2,
      eta,
      correlationId: '7',
    });
    expect(decoded.ok && decoded.message.embed.callbacks).to.deep.equal([{ task: 'next' }]);
  });
});

describe('a message moved to its time', () => {
  it('is as it came: body bytes, properties and headers, without what the broker wrote', () => {
    const kept = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      priority: 3,
      correlationId: 'c',
      replyTo: 'r',
      timestamp: 1,
      type: 't',
      appId: 'app',
    };
    const message = incoming({ ...kept, expiration: '500', headers: { task: 'a', n: null, ...marks } });

    const copy = copyAsItCame(message);

    expect(copy.body).to.equal(message.body);
    expect(copy.properties).to.deep.equal({ ...kept, messageId: 'c', headers: { task: 'a', n: null } });
  });
});

describe('a message that a limit holds back', () => {
  it('is as it came, with a count that begins anew with its next attempt', () => {
    const first = incoming({ contentType: 'application/json', headers: { task: 'a', id: '1', ...marks } });
    const once = copyDeferred(first);
    const twice = copyDeferred({ ...first, ...once });

    expect(once.properties.headers).to.deep.equal({
      task: 'a',
      id: '1',
      'celeriac-deferrals': 1,
    });
    expect(deferralCount(twice.properties)).to.equal(2);
    expect(twice.body).to.equal(first.body);
    const retry = taskForRetry('UTC')({ ...first, ...twice }, { retries: 1, eta, now });
    expect(retry.properties.headers).not.to.have.property('celeriac-deferrals');
  });

  it('goes on counting deliveries without an end: a copy has no count of the queue', () => {
    const poison = incoming({ headers: { task: 'a', id: '1', 'x-delivery-count': 3 } });
    for (const copy of [copyDeferred(poison, 3), copyPostponed(poison, 3)]) {
      expect(deliveryCount({ redelivered: false, ...copy })).to.deep.equal({ before: 3, kept: true });
    }
    expect(copyPostponed(poison).properties.headers).to.deep.equal({ task: 'a', id: '1' });
  });

  it('is counted from 0 where somebody wrote something else', () => {
    for (const value of ['x', -1, Number.NaN, {}, null])
      expect(deferralCount({ headers: { 'celeriac-deferrals': value } }), JSON.stringify(value)).to.equal(0);
    expect(deferralCount({})).to.equal(0);
  });
});

describe('an event for its next attempt', () => {
  it('is as it came, with its count and the key it was published with', () => {
    const first = incoming(
      { contentType: 'application/cloudevents+json', messageId: 'e', headers: {} },
      '{}',
    );

    const copy = eventForRetry(
      { ...first, exchange: 'celeriac.events', routingKey: 'core.deal.new' },
      { retries: 1, eta, now },
    );
    const second = incoming(copy.properties, '{}');
    const next = eventForRetry(second, { retries: 2, eta, now: now + 9000 });

    expect(copy.body).to.equal(first.body);
    expect([first, copy, next].map(({ properties }) => eventRetries(properties))).to.deep.equal([0, 1, 2]);
    expect(cameBy(incoming(next.properties))).to.deep.equal({
      exchange: 'celeriac.events',
      routingKey: 'core.deal.new',
    });
    expect(next.properties.headers).to.include({ 'celeriac-first-time': '2026-11-25T04:09:17+00:00' });
  });

  it('reads a count that is none as 0', () => {
    for (const count of ['2', -1, 1.5, null, 2n ** 60n]) {
      expect(eventRetries({ headers: { 'celeriac-retries': count } })).to.equal(0);
    }
  });
});
