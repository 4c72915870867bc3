/** Batches of events and of tasks: many messages to one handler, each settled by itself. */
import { startBroker } from '@celeriac/dev-broker';
import { defineTask, Retry } from '@celeriac/worker';
import { expect } from 'chai';

import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

describe('a handler of batches', () => {
  it('gets tasks together, more than run at once, and what is invalid spoils none of them', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { task_handler: { concurrency: 1 } });
    await using watched = new WatchedWorker(config);
    const index = defineTask({
      name: 'index',
      input: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } as const,
      retry: { max: 1, delay: '1ms' },
    });
    const batches: unknown[][] = [];
    watched.worker.batch(index, { size: 4, wait: '2s' }, (inputs, batch) => {
      batches.push([...inputs]);
      for (const [at, { attempt }] of batch.items.entries()) {
        if (JSON.stringify(inputs[at]) === '{"n":2}' && attempt === 1)
          batch.fail(at, new Retry({ delay: 0 }));
      }
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    for (const n of [1, 'no number', 2, 3, 4]) await sender.publisher.send('index', { n });

    const settled = await watched.untilSettled(6);
    expect(batches).to.deep.equal([[{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], [{ n: 2 }]]);
    expect(settled.map(({ verdict }) => verdict.kind).sort()).to.deep.equal([
      'ack',
      'ack',
      'ack',
      'ack',
      'deadLetter',
      'retry',
    ]);
  });

  it('that has begun is drained when the worker stops, and one that waits is handled at once', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { tasks: { default_queue: 'q' } });
    await using watched = new WatchedWorker(config);
    const sizes: number[] = [];
    watched.worker.batch('slow', { size: 100, wait: '1h' }, (inputs) => void sizes.push(inputs.length));
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    for (let n = 0; n < 3; n++) await sender.publisher.send('slow', [n]);
    await waitFor(() => watched.started.length === 3);

    expect(await watched.worker.stop()).to.deep.equal({ drained: true, unfinished: 0 });
    expect(sizes).to.deep.equal([3]);
    expect(broker.messages('q')).to.deep.equal([]);
  });
});

describe('a handler of batches of events', () => {
  it('loses none over a lost connection, and handles a part of one when nothing more comes', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { event_handler: { prefetch_count: 2 } });
    await using watched = new WatchedWorker(config);
    const seen: string[] = [];
    const sizes: number[] = [];
    const [begun, finish] = [gate(), gate()];
    watched.worker
      .application('crm')
      .batch('core.limeobject.deal.*.v1', { size: 5, wait: '1s' }, async (events) => {
        begun.open();
        await finish.opened;
        sizes.push(events.length);
        seen.push(...events.map(({ data }) => String((data as { n: number }).n)));
      });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    for (let n = 0; n < 7; n++) await sender.publisher.publishEvent('core.limeobject.deal.new.v1', { n });
    await begun.opened;
    broker.faults.closeConnection({ connection: /worker/u });
    await waitFor(() => watched.lost.length > 0);
    finish.open();

    await waitFor(() => new Set(seen).size === 7 && watched.settled.length >= 7, { what: 'all seven' });
    expect(Math.max(...sizes)).to.equal(5);
    await waitFor(() => broker.messages('events.crm').length === 0, { what: 'an empty queue' });
  });
});
