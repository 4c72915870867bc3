/** Dead letters over the embedded broker: none at all, none lost by looking, none again and again, none too fast. */
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
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
