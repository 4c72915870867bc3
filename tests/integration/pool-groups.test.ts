/** Which pool a task runs in: groups of queues, tasks that a pool cannot run, and what the inline pool cannot do. */
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { configFor, gate, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { errorOf, handlers, Scene, valueOf } from '../support/pool-scene.js';
import { waitFor } from '../support/wait-for.js';

describe('a worker with groups of queues', () => {
  const workers = {
    cpu: { queues: ['cpu'], pool: 'processes', concurrency: 1, hard_time_limit: '1s' },
    images: { queues: ['images'], pool: 'threads', concurrency: 1 },
  };

  it('runs each in a pool of its own, one as if the others were not there', async () => {
    await using scene = await Scene.open({ workers });

    const spinning = await scene.send('spin', [], { queue: 'cpu' });
    await scene.said(spinning);
    const here = valueOf(await scene.run('where'));
    const thread = valueOf(await scene.run('where', [], { queue: 'images' }));
    expect(here).to.equal(`${process.pid}/process`);
    expect(thread).to.match(new RegExp(`^${process.pid}/thread`, 'u'));
    expect((await scene.settled(spinning)).outcome).to.include({ kind: 'timedOut', limitMs: 1000 });
    expect(scene.watched.worker.pools().map(({ name, kind }) => `${name} ${kind}`)).to.deep.equal([
      'task_handler inline',
      'cpu processes',
      'images threads',
    ]);
  });

  it('puts aside what its pool does not know, and says where it belongs', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { task_handler: { workers: { cpu: workers.cpu } } } as never);
    await using watched = new WatchedWorker(config, { handlers });
    watched.worker.task('of the main program', () => 'here');
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);

    await sender.publisher.send('of the main program', [], { queue: 'cpu' });
    await sender.publisher.send('of the main program');
    const settled = await watched.untilSettled(2);

    const [inline, pooled] = [...settled].sort((a, b) => b.queue.localeCompare(a.queue) * -1);
    expect(valueOf(inline!)).to.equal('here');
    expect(pooled?.verdict).to.include({ kind: 'deadLetter', reason: 'unknown' });
    expect(errorOf(pooled!)).to.include({ code: 'ERR_POOL_HANDLERS' });
  });
});

describe('a worker that cannot run its tasks in its pool', () => {
  for (const pool of ['threads', 'processes'] as const) {
    it(`does not start: no module registers them in ${pool}`, async () => {
      await using broker = await startBroker({ port: 0 });
      await using watched = new WatchedWorker(configFor(broker.url, { task_handler: { pool } }));
      watched.worker.task('lost', () => undefined);
      expect(await rejection(watched.worker.start())).to.include({ code: 'ERR_POOL_HANDLERS' });
    });

    it(`does not start: a module fails in ${pool}`, async () => {
      await using broker = await startBroker({ port: 0 });
      const module = new URL('../support/programs/main-only-tasks.js', import.meta.url);
      await using watched = new WatchedWorker(configFor(broker.url, { task_handler: { pool } }), {
        handlers: module,
      });
      const error = await rejection(watched.worker.start());
      expect(error).to.include({ code: 'ERR_POOL_START' });
      expect(error.cause).to.include({ code: 'ERR_HANDLER_MODULE' });
      expect(broker.queues().every(({ consumers }) => consumers === 0)).to.equal(true);
    });
  }
});

describe('the inline pool', () => {
  it('says that it cannot end code, and reports a task over its hard limit', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { task_handler: { hard_time_limit: '0.2s' } });
    await using watched = new WatchedWorker(config);
    const { opened, open } = gate();
    watched.worker.task('long', () => opened);
    await watched.worker.start();
    expect(watched.log.matching(/inline pool cannot end code/u)).to.have.length(1);

    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.send('long');
    await waitFor(() => watched.log.matching(/over its hard time limit/u).length === 1);
    open();

    const [settled] = await watched.untilSettled(1);
    expect(settled?.outcome.kind).to.equal('succeeded');
  });
});
