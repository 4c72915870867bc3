/** Workers that grow and shrink while they run: more at once, fewer at once, and nothing of what is in hand is lost. */
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Scene, valueOf } from '../support/pool-scene.js';
import { waitFor } from '../support/wait-for.js';

describe('a worker that is resized', function () {
  before(function () {
    requireRabbit(this);
  });

  for (const type of ['quorum', 'classic'] as const) {
    it(`runs more at once, then fewer, and settles what it has in hand (${type} queue)`, async () => {
      await using vhost = await Vhost.create();
      const config = configFor(vhost.url, {
        tasks: { default_queue: 'q', queue_type: type },
        task_handler: { concurrency: 1 },
      });
      await using watched = new WatchedWorker(config);
      const gates = Array.from({ length: 8 }, gate);
      watched.worker.task('wait', (n: number) => gates[n]?.opened);
      await watched.worker.start();
      await using sender = await WatchedPublisher.open(config);
      for (let n = 0; n < 8; n++) await sender.publisher.send('wait', [n]);
      await waitFor(() => watched.started.length === 1);

      expect(await watched.worker.resize({ concurrency: 3 })).to.deep.equal({
        name: 'task_handler',
        concurrency: 3,
        minConcurrency: 1,
        prefetch: 3,
      });
      await waitFor(() => watched.started.length === 3, { what: 'three to run' });
      expect(await watched.worker.shrink(2)).to.include({ concurrency: 1, prefetch: 1 });
      for (const { open } of gates.slice(0, 3)) open();
      await waitFor(() => watched.started.length >= 4);
      const most = (): number => watched.started.length - watched.settled.length;
      expect(most()).to.equal(1);
      for (const { open } of gates) open();
      const settled = await watched.untilSettled(8);

      expect(settled.every(({ verdict, redelivered }) => verdict.kind === 'ack' && !redelivered)).to.equal(
        true,
      );
      await waitFor(async () => (await vhost.depth('q')) === 0, { what: 'an empty queue' });
      expect(await vhost.consumers('q')).to.equal(1);
      expect(watched.lost).to.deep.equal([]);
    });
  }

  it('keeps its new size over a lost channel', async () => {
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, {
      tasks: { default_queue: 'q' },
      task_handler: { concurrency: 1 },
    });
    await using watched = new WatchedWorker(config);
    const finish = gate();
    watched.worker.task('wait', () => finish.opened);
    await watched.worker.start();
    await watched.worker.grow(2);

    await (await (await vhost.raw()).createChannel()).deleteQueue('q');
    await waitFor(async () => (await vhost.consumers('q').catch(() => 0)) === 1, { what: 'consuming again' });
    await using sender = await WatchedPublisher.open(config);
    for (let n = 0; n < 4; n++) await sender.publisher.send('wait');

    await waitFor(() => watched.started.length === 3, { what: 'three to run' });
    finish.open();
    await watched.untilSettled(4);
  });

  it('is refused before it runs and after it was stopped', async () => {
    const watched = new WatchedWorker({});
    expect(await rejection(watched.worker.resize({ concurrency: 2 }))).to.include({
      code: 'ERR_WORKER_STATE',
    });
    await watched.worker.stop();
    expect(await rejection(watched.worker.grow())).to.include({ code: 'ERR_WORKER_STATE' });
  });
});

for (const pool of ['threads', 'processes'] as const) {
  describe(`a pool of ${pool} that is resized`, () => {
    it('starts children for what is sent now, and ends them again', async () => {
      await using scene = await Scene.open({ pool, concurrency: 1 });
      const { worker } = scene.watched;
      const first = await scene.send('heed', [], { timeLimit: { soft: '3s' } });
      await scene.said(first);
      await worker.resize({ concurrency: 3 });
      const more = [await scene.send('heed'), await scene.send('heed')];
      for (const id of more) await scene.said(id);
      expect(scene.children).to.have.length(3);
      expect(worker.pools()).to.have.length(1);
      expect(worker.pools()[0]).to.include({ concurrency: 3, prefetch: 3 });

      await worker.resize({ concurrency: 1 });
      await scene.settled(first);
      await waitFor(() => scene.children.length === 2, { what: 'the idle child to end' });
      await worker.stop({ grace: 0 });
      expect((await scene.settled(more[0]!)).verdict.kind).to.equal('requeue');
    });

    it('goes on with the tasks of a queue in a smaller pool', async () => {
      await using scene = await Scene.open({ pool, concurrency: 3, min_concurrency: 3 });
      await scene.watched.worker.resize({ concurrency: 1, minConcurrency: 0 });
      await waitFor(() => scene.children.length === 1);
      for (let n = 0; n < 3; n++) expect(valueOf(await scene.run('add', [n, 1]))).to.equal(n + 1);
    });
  });
}
