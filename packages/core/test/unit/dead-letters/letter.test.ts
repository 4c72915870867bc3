/** What is read from a dead letter, ours or the broker's, and what foreign headers cannot do to it. */
import { expect } from 'chai';

import { queueOfDeadLetters, readLetter } from '../../../dist/dead-letters/letter.js';
import { byWorker, died, deaths, letterOf } from './letters.js';

describe('readLetter', () => {
  it("reads a worker's headers", () => {
    const letter = letterOf({ task: 'charge', id: 't1', ...byWorker });

    expect(letter).to.include({
      kind: 'task',
      name: 'charge',
      id: 't1',
      by: 'worker',
      reason: 'failed',
      detail: 'retries are used up',
      attempts: 3,
      errorType: 'TypeError',
      error: 'no',
      queue: 'billing',
      exchange: 'x',
      routingKey: 'x.key',
      worker: '7@here',
      time: Date.UTC(2026, 10, 26, 1),
      expiration: '60000',
    });
  });

  it("reads the broker's, of the youngest death that is neither in the delay queues nor here", () => {
    const here = { ...died, queue: 'billing.dead-letter', reason: 'maxlen' };
    const waited = { ...died, queue: 'celery_delayed_3', reason: 'expired' };
    const letter = letterOf({
      task: 'charge',
      ...deaths(here, waited, died, { ...died, reason: 'rejected' }),
    });

    expect(letter).to.include({
      by: 'broker',
      reason: 'delivery_limit',
      queue: 'billing',
      exchange: '',
      routingKey: 'billing',
      time: 1_764_118_800_000,
    });
  });

  it('takes the word of a worker over that of the broker', () => {
    const letter = letterOf({ task: 'charge', ...byWorker, ...deaths(died) });
    expect(letter).to.include({ by: 'worker', reason: 'failed' });
  });

  it('says nothing of a time that no clock has, and is shown all the same', () => {
    const prototypeless = Object.assign(Object.create(null) as object, { a: 1 });
    for (const value of [1e17, 2n ** 62n, Number.NaN, 'x', prototypeless, undefined]) {
      const letter = letterOf({ task: 'charge', ...deaths({ ...died, time: { '!': 'timestamp', value } }) });
      expect(letter, typeof value).to.include({ by: 'broker', reason: 'delivery_limit' });
      expect(letter).not.to.have.property('time');
    }
    expect(letterOf({ ...byWorker, 'celeriac-time': '+999999-01-01T00:00:00Z' })).not.to.have.property(
      'time',
    );
  });

  it('without either knows the queue by the name of this one', () => {
    expect(letterOf({ task: 'charge' })).to.include({ by: 'unknown', reason: 'unknown', queue: 'billing' });
  });

  it('knows a task of protocol 1 by its body', () => {
    const letter = letterOf({}, {}, '{"task": "old", "id": "t1", "args": [], "kwargs": {}}');
    expect(letter).to.include({ kind: 'task', name: 'old', id: 't1' });
  });

  it('knows an event by its type', () => {
    const event = { specversion: '1.0', id: 'e1', type: 'a.b', source: 's' };
    const properties = { contentType: 'application/cloudevents+json; charset=utf-8', messageId: 'e1' };
    expect(letterOf(byWorker, properties, JSON.stringify(event))).to.include({ kind: 'event', name: 'a.b' });
    expect(letterOf(byWorker, properties, 'no json'))
      .to.include({ kind: 'event' })
      .and.not.have.property('name');
  });

  const hostile: Record<string, unknown>[] = [
    { 'x-death': 'no list' },
    { 'x-death': [null, 7, { queue: 7 }] },
    { 'x-death': [{ queue: 'q', time: null, 'routing-keys': 'k', reason: [] }] },
    { 'celeriac-reason': 'failed', 'celeriac-time': {}, 'celeriac-attempts': 'many', 'celeriac-queue': 7 },
    { task: 'charge', id: 7 },
  ];
  for (const headers of hostile) {
    it(`survives ${JSON.stringify(headers)}`, () => {
      const { queue, time, attempts, id } = letterOf(headers);
      for (const text of [queue, id]) expect(typeof text).to.be.oneOf(['string', 'undefined']);
      for (const number of [time, attempts]) expect(number ?? 0).to.satisfy(Number.isFinite);
    });
  }

  it('says why headers cannot be read', () => {
    const received = { properties: { headers: {} }, body: Buffer.alloc(0), headerError: 'bad tag' };
    expect(readLetter(received, 'q.dead-letter')).to.include({ headerError: 'bad tag', kind: 'other' });
  });
});

describe('queueOfDeadLetters', () => {
  it('is the name without its end', () => {
    expect(queueOfDeadLetters('billing.dead-letter')).to.equal('billing');
    expect(queueOfDeadLetters('billing')).to.equal(undefined);
    expect(queueOfDeadLetters('.dead-letter')).to.equal(undefined);
  });
});
