/** Dead letters: none at all, none lost by looking, none held too long, none again and again, none too fast. */
import { type Clock, systemClock } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { openDeadLetters } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { configOf, dead, fail, idsRead, openLetters } from '../support/dead-letters.js';
import { Place } from '../support/place.js';
import { waitFor } from '../support/wait-for.js';

describe('dead letters', () => {
  it('of a queue that has none are an error, in a list a line', async () => {
    await using place = await Place.open('the embedded broker');
    await using letters = await openLetters(place, 'classic');

    const error = await rejection(letters.requeue('nope'));
    const [summary] = await letters.list(['nope']);

    expect(error).to.include({ code: 'ERR_TOPOLOGY_MISSING' });
    expect(summary).to.deep.equal({
      queue: 'nope',
      deadLetterQueue: 'nope.dead-letter',
      exists: false,
      messages: 0,
      read: 0,
      counts: [],
    });
  });

  it('that came while others are put back are left for the next time', async () => {
    await using place = await Place.open('the embedded broker');
    await using watched = new WatchedWorker(configOf(place, 'quorum'));
    watched.worker.task('a', () => {
      throw new Error('always');
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configOf(place, 'quorum'));
    await sender.publisher.sendMany(
      'a',
      Array.from({ length: 50 }, (_, index) => index),
    );
    await watched.untilSettled(50);
    await using letters = await openLetters(place, 'quorum');

    const report = await letters.requeue('celeriac');

    expect(report).to.include({ read: 50, requeued: 50 });
    await watched.untilSettled(100);
    await place.untilDepth(dead, 50);
  });

  it('that say they come from no queue that can be, or from here, hold up no other', async () => {
    await using place = await Place.open('the embedded broker');
    await fail(place, 'classic', ['a']);
    await place.take(dead);
    const foreign = ['x'.repeat(300), dead, '', 'celeriac'];
    for (const [index, queue] of foreign.entries()) {
      const headers = { task: 'a', id: `${index}`, 'celeriac-reason': 'failed', 'celeriac-queue': queue };
      await place.publish(dead, [[], {}, {}], { messageId: `${index}`, headers });
    }
    await using letters = await openLetters(place, 'classic');

    const report = await letters.requeue('celeriac');

    expect(report).to.include({ read: 4, requeued: 1, skipped: 3 });
    expect((await place.take('celeriac')).map(({ id }) => id)).to.deep.equal(['3']);
    await place.untilDepth(dead, 3);
  });

  it('with a moment of death that no clock has are shown like others', async () => {
    await using place = await Place.open('the embedded broker');
    await fail(place, 'classic', ['a']);
    const died = {
      queue: 'celeriac',
      reason: 'expired',
      count: 1,
      exchange: '',
      'routing-keys': ['celeriac'],
    };
    const time = { '!': 'timestamp', value: 2 ** 50 };
    await place.publish(dead, [[], {}, {}], {
      headers: { task: 'a', id: 'x', 'x-death': [{ ...died, time }] },
    });
    await using letters = await openLetters(place, 'classic');

    const [summary] = await letters.list(['celeriac']);

    expect(summary).to.include({ messages: 2, read: 2 });
    expect(summary?.oldest).to.be.closeTo(Date.now(), 3_600_000);
  });

  it('are read to where the queue ended, also when others have taken some of them and new ones come', async () => {
    await using place = await Place.open('the embedded broker');
    await fail(place, 'classic', ['a']); // declares the queues
    await place.take(dead);
    await place.fill(dead, 1500);
    await using letters = await openLetters(place, 'classic');
    const reading = letters.read('celeriac');
    await reading.next(); // the first thousand are in hand
    await place.take(dead);
    const over = new AbortController();
    const coming = (async () => {
      for (let index = 0; index < 2000 && !over.signal.aborted; index++) {
        await place.publish(dead, [[], {}, {}], { headers: { task: 'a', id: `new ${index}` } });
        await systemClock.sleep(20);
      }
    })();

    let read = 1;
    for await (const _letter of reading) read++;
    over.abort();
    await coming;

    expect(read).to.be.within(1000, 1499);
  });

  it('outlive any number of looks at them, where a queue has a delivery limit by default', async () => {
    await using broker = await startBroker({ profile: '4.3' });
    await using place = await Place.at(broker.url);
    await fail(place, 'quorum', ['a']); // declares the queues
    await place.take(dead);
    await place.fill(dead, 1100); // more than are in hand at once
    await using letters = await openLetters(place, 'quorum');

    for (let look = 0; look < 25; look++) await idsRead(letters.read('celeriac', { limit: 1 }));

    const ids = await idsRead(letters.read('celeriac'));
    expect(ids).to.deep.equal(Array.from({ length: 1100 }, (_, index) => String(index)));
  });

  it('larger together than may be on their way go one after the other', async () => {
    await using place = await Place.open('the embedded broker');
    await fail(place, 'classic', ['a']); // declares the queues
    await place.take(dead);
    const headers = { 'celeriac-queue': 'celeriac' };
    for (let count = 0; count < 6; count++) await place.publish(dead, 'x'.repeat(700_000), { headers });
    const tasks = { max_unsettled_bytes: '1MiB' };
    await using letters = await openDeadLetters({ config: configFor(place.url, { tasks }), env: {} });

    expect(await letters.requeue('celeriac')).to.include({ requeued: 6 });
    await place.untilDepth('celeriac', 6);
  });

  for (const kind of ['the embedded broker', 'RabbitMQ'] as const) {
    it(`are held for minutes only, ${kind}, and none is missed or met twice for that`, async function () {
      if (kind === 'RabbitMQ') requireRabbit(this);
      await using place = await Place.open(kind);
      await fail(place, 'quorum', ['a']); // declares the queues
      await place.take(dead);
      await place.fill(dead, 1005); // two batches
      let ahead = 0;
      const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
      await using letters = await openDeadLetters({ config: configOf(place, 'quorum'), env: {}, clock });

      const ids: string[] = [];
      for await (const { id } of letters.read('celeriac')) {
        ids.push(id ?? '');
        if (ids.length === 3 || ids.length === 1002) ahead += 11 * 60_000;
      }

      const all = Array.from({ length: 1005 }, (_, index) => String(index));
      expect(ids).to.deep.equal(all);
      expect((await place.take(dead)).map(({ id }) => id)).to.deep.equal(all);
    });
  }

  it('come no faster than asked for', async () => {
    await using place = await Place.open('the embedded broker');
    await fail(place, 'classic', ['a', 'a', 'a', 'a', 'a']);
    await using letters = await openLetters(place, 'classic');
    await idsRead(letters.read('celeriac')); // connects
    const began = performance.now();

    await letters.requeue('celeriac', {}, { ratePerSecond: 20 });

    expect(performance.now() - began).to.be.at.least(190);
    await waitFor(async () => (await place.depth('celeriac')) === 5, { what: 'all five' });
  });
});
