/**
 * Dead letters read, put back and thrown away, over the embedded broker and RabbitMQ, with both types of queues. What
 * holds: reading takes nothing away, what is not named stays in its order, and what is put back is as it was.
 */
import { defineEvent, type DeadLetter, type DeadLetterFilter } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { dead, fail, idsRead, configOf, openLetters } from '../support/dead-letters.js';
import { Place, type PlaceKind } from '../support/place.js';

const kinds: readonly PlaceKind[] = ['the embedded broker', 'RabbitMQ'];
const queueTypes = ['quorum', 'classic'] as const;

for (const kind of kinds) {
  for (const type of queueTypes) {
    describe(`dead letters, ${kind}, ${type} queues`, function () {
      before(function () {
        if (kind === 'RabbitMQ') requireRabbit(this);
      });

      it('are counted by task and reason, and read again and again in the same order', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['a', 'b', 'a']);
        await using letters = await openLetters(place, type);

        const [summary] = await letters.list();
        const first = await idsRead(letters.read('celeriac'));
        await place.untilDepth(dead, 3);
        const part = await idsRead(letters.read('celeriac', { limit: 2 }));
        await place.untilDepth(dead, 3);

        expect(summary).to.deep.include({ queue: 'celeriac', exists: true, messages: 3, read: 3 });
        expect(summary?.counts).to.deep.equal([
          { kind: 'task', name: 'a', reason: 'failed', count: 2 },
          { kind: 'task', name: 'b', reason: 'failed', count: 1 },
        ]);
        expect(first).to.deep.equal(['0:a', '1:b', '2:a']);
        expect(part).to.deep.equal(['0:a', '1:b']);
        expect(await idsRead(letters.read(dead))).to.deep.equal(first);
      });

      it('that the filter names run again as a first attempt; the others stay in their order', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['b', 'a', 'b', 'a', 'c']);
        await using letters = await openLetters(place, type);

        const dry = await letters.requeue('celeriac', { task: 'a*' }, { dryRun: true });
        await place.untilDepth(dead, 5);
        const report = await letters.requeue('celeriac', { task: 'a*' });

        expect(dry).to.deep.equal(report);
        expect(report).to.deep.equal({
          queue: dead,
          read: 5,
          matched: 2,
          requeued: 2,
          queues: { celeriac: 2 },
          doubled: 0,
          skipped: 0,
          expiryDropped: 0,
          signed: 0,
          unverified: 0,
        });
        await place.untilDepth(dead, 3);
        expect((await place.take(dead)).map(({ id }) => id)).to.deep.equal(['0:b', '2:b', '4:c']);
        const again = await place.take('celeriac');
        expect(again.map(({ id }) => id)).to.deep.equal(['1:a', '3:a']);
        expect(again[0]?.redelivered).to.equal(false);
        expect(again[0]?.headers).to.include({ id: '1:a', task: 'a', retries: 0, lang: 'js' });
        // Nothing is left of how it died; the one header says that a new chain of attempts begins.
        const left = Object.keys(again[0]?.headers ?? {}).filter((name) => /^celeriac-|^x-death/u.test(name));
        expect(left).to.deep.equal(['celeriac-chain']);
      });

      it('of a task run again, of an event too, which finds its handler', async () => {
        await using place = await Place.open(kind);
        await using watched = new WatchedWorker(configOf(place, type));
        const ran: string[] = [];
        const once = (what: string): void => {
          ran.push(what);
          if (ran.filter((one) => one === what).length === 1) throw new Error('not yet');
        };
        watched.worker.task('a', () => once('task'));
        watched.worker
          .application('crm')
          .on('core.limeobject.deal.*.v1', ({ objectId }) => once(`event ${objectId}`));
        await watched.worker.start();
        await using sender = await WatchedPublisher.open(configOf(place, type));
        await sender.publisher.send('a');
        await sender.publisher.publishEvent(defineEvent({ object: 'deal', action: 'update' }), { id: 7 });
        await watched.untilSettled(2);
        await using letters = await openLetters(place, type);

        const summaries = await letters.list();
        for (const { queue } of summaries) await letters.requeue(queue);
        await watched.untilSettled(4);

        const counts = summaries.flatMap((one) => one.counts);
        expect(counts).to.deep.equal([
          { kind: 'task', name: 'a', reason: 'failed', count: 1 },
          { kind: 'event', name: 'core.limeobject.deal.update.v1', reason: 'failed', count: 1 },
        ]);
        expect([...ran].sort()).to.deep.equal(['event 7', 'event 7', 'task', 'task']);
        expect(watched.settled.slice(2).map(({ verdict }) => verdict.kind)).to.deep.equal(['ack', 'ack']);
      });

      it('of more than one batch stay in their order, whoever read how many of them', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['a']);
        await place.take(dead);
        await place.fill(dead, 2300);
        await using letters = await openLetters(place, type);
        const all = Array.from({ length: 2300 }, (_, index) => String(index));

        for (const limit of [20, 1500, 2300]) {
          const read = await idsRead(letters.read('celeriac', { limit }));
          expect(read).to.deep.equal(all.slice(0, limit));
        }
        const { purged } = await letters.purge('celeriac', { id: ['0', '1100', '2299'] });

        expect(purged).to.equal(3);
        await place.untilDepth(dead, 2297);
        const left = all.filter((id) => !['0', '1100', '2299'].includes(id));
        expect((await place.take(dead)).map(({ id }) => id)).to.deep.equal(left);
      });

      it('of the broker go back as well, to where x-death says they died, without their expiry', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['a']); // declares the queues
        await using letters = await openLetters(place, type);
        await letters.purge('celeriac');
        await using sender = await WatchedPublisher.open(configOf(place, type));
        await sender.publisher.send('slow', [], { id: 'late', expires: '1ms' });
        await place.untilDepth(dead, 1);

        const [letter] = await lettersOf(letters.read('celeriac'));
        const report = await letters.requeue('celeriac', { reason: 'expired' });

        expect(letter).to.include({ id: 'late', name: 'slow', reason: 'expired', by: 'broker' });
        expect(letter).to.include({ queue: 'celeriac', exchange: '', routingKey: 'celeriac' });
        expect(report).to.include({ requeued: 1, expiryDropped: 1 });
        const [again] = await place.take('celeriac');
        expect(again?.headers).to.include({ id: 'late', expires: null });
        expect(again?.headers).not.to.have.property('x-death');
        expect(again?.expiration).to.equal(undefined);
      });

      if (type === 'quorum') {
        it('of a delivery limit begin anew when they are put back', async () => {
          await using place = await Place.open(kind);
          await using sender = await WatchedPublisher.open(configOf(place, type));
          await sender.publisher.send('poison', [], { id: 'p1' });
          await place.bounce('celeriac', 21);
          await place.untilDepth(dead, 1);
          await using letters = await openLetters(place, type);

          const [letter] = await lettersOf(letters.read('celeriac'));
          await letters.requeue('celeriac', { task: 'poison' });

          expect(letter).to.include({ id: 'p1', reason: 'delivery_limit', by: 'broker', queue: 'celeriac' });
          await place.bounce('celeriac', 20);
          await place.untilDepth('celeriac', 1);
        });
      }

      it('get the expiry that is asked for, and go where they are sent', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['a']);
        await using sender = await WatchedPublisher.open(configOf(place, type));
        await sender.publisher.send('x', [], { queue: 'other' }); // declares it
        await place.take('other');
        await using letters = await openLetters(place, type);

        const report = await letters.requeue('celeriac', {}, { to: 'other', expires: '1h' });

        expect(report.queues).to.deep.equal({ other: 1 });
        const [again] = await place.take('other');
        expect(again?.expiration).to.equal('3600000');
        expect(Date.parse(String(again?.headers.expires)) - Date.now()).to.be.within(3_500_000, 3_600_000);
        expect(await place.depth('celeriac')).to.equal(0);
      });

      it('are thrown away by filter, the others stay in their order', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['b', 'a', 'b']);
        await using letters = await openLetters(place, type);
        const filter: DeadLetterFilter = { id: ['1:a', 'nobody'] };

        const dry = await letters.purge('celeriac', filter, { dryRun: true });
        const report = await letters.purge('celeriac', filter);

        expect(dry).to.deep.equal({ queue: dead, matched: 1, purged: 1 });
        expect(report).to.deep.equal(dry);
        await place.untilDepth(dead, 2);
        expect((await place.take(dead)).map(({ id }) => id)).to.deep.equal(['0:b', '2:b']);
      });

      it('stay when there is no queue to put them into, and the error says how many were moved', async () => {
        await using place = await Place.open(kind);
        await fail(place, type, ['a', 'b']);
        await using letters = await openLetters(place, type);

        const error = await rejection(letters.requeue('celeriac', {}, { to: 'nowhere' }));

        expect(error).to.include({ code: 'ERR_DEAD_LETTERS_UNFINISHED' });
        expect(error.cause).to.include({ code: 'ERR_PUBLISH_UNROUTABLE' });
        expect(error.values).to.include({ requeued: 0, reason: 'ERR_PUBLISH_UNROUTABLE' });
        await place.untilDepth(dead, 2);
        expect((await place.take(dead)).map(({ id }) => id)).to.deep.equal(['0:a', '1:b']);
      });
    });
  }
}

async function lettersOf(letters: AsyncIterable<DeadLetter>): Promise<DeadLetter[]> {
  const all: DeadLetter[] = [];
  for await (const letter of letters) all.push(letter);
  return all;
}
