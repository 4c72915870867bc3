/** An embedded broker for tests: pointing to it, counting, waiting without sleeping, its time. */
import { AssertionError } from 'node:assert';

import { createPublisher } from '@celeriac/publisher';
import { createWorker } from '@celeriac/worker';
import { expect } from 'chai';

import { startTestBroker, virtualClock } from '../../dist/index.js';
import { rejection } from '../support/failures.js';

describe('startTestBroker', () => {
  it('gives a configuration that publishers and workers connect with, and waits until all is done', async () => {
    await using broker = await startTestBroker();
    await using publisher = await createPublisher({ config: broker.config, env: {} });
    await using worker = createWorker({ config: broker.config, env: {} });
    const ran: unknown[] = [];
    worker.task('note', (value: unknown) => ran.push(value));
    for (const value of [1, 2, 3]) await publisher.send('note', [value]);
    expect(broker.queue('celeriac')).to.deep.equal({ ready: 3, unacked: 0, consumers: 0 });

    await worker.start();
    await broker.untilEmpty();

    expect(ran.sort()).to.deep.equal([1, 2, 3]);
    expect(broker.queue('celeriac')).to.include({ ready: 0, unacked: 0 });
  });

  it('waits for what is delayed to the queues it is told, by its own clock, and not for others', async () => {
    const clock = virtualClock();
    await using broker = await startTestBroker({ clock });
    await using publisher = await createPublisher({ config: broker.config, env: {} });
    await publisher.send('t', [], { delay: '1h', queue: 'mine' });
    await publisher.send('t', [], { delay: '9h', queue: 'other' });
    const waiting = broker.untilEmpty({ queues: ['mine'], within: 60 });
    let isOver = false;
    void waiting.then(() => (isOver = true));

    await clock.advance('59m');
    expect(isOver).to.equal(false);
    await clock.advance('2m');
    expect(broker.queue('mine')).to.include({ ready: 1 });
    broker.broker.purge('mine');

    await waiting;
  });

  it('does not wait for dead letters, and counts them', async () => {
    await using broker = await startTestBroker();
    await using publisher = await createPublisher({ config: broker.config, env: {} });
    await using worker = createWorker({ config: broker.config, env: {} });
    worker.task('fail', () => {
      throw new Error('no');
    });
    await worker.start();

    await publisher.send('fail');
    await broker.untilEmpty({ queues: ['celeriac'] });

    expect(broker.queue('celeriac.dead-letter')).to.include({ ready: 1 });
  });

  it('says what is left when it takes too long', async () => {
    await using broker = await startTestBroker();
    await using publisher = await createPublisher({ config: broker.config, env: {} });
    await publisher.send('note');

    const error = await rejection(broker.untilEmpty({ within: '10ms' }));

    expect(error).to.be.instanceOf(AssertionError);
    expect(error.message).to.equal(
      'Expected the queues to become empty within 10ms. Left are:\n  celeriac: {"ready":1,"unacked":0,"consumers":0}',
    );
  });

  it('refuses to wait for a queue that does not exist', async () => {
    await using broker = await startTestBroker();

    const error = await rejection(broker.untilEmpty({ queues: ['celerac'] }));

    expect(error.message).to.include("There is no queue 'celerac'");
    expect(broker.queue('celerac')).to.equal(undefined);
  });

  it('lets messages live by the virtual clock it is given', async () => {
    const clock = virtualClock();
    await using broker = await startTestBroker({ clock });
    await using publisher = await createPublisher({ config: broker.config, env: {} });
    await publisher.send('note', [], { expires: '10m' });
    expect(broker.queue('celeriac')).to.include({ ready: 1 });

    await clock.advance('10m');

    expect(broker.queue('celeriac')).to.include({ ready: 0 });
  });
});
