/** Delays that wait in the broker: never early, survive restarts, and reach the right queue. */
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Rabbit } from '../support/rabbit.js';
import { waitFor } from '../support/wait-for.js';

interface Run {
  readonly id: string;
  readonly at: number;
  readonly eta: number | undefined;
}

/** A worker with a task `later` that notes when it ran. */
function noting(
  url: string,
  extra: Parameters<typeof configFor>[1] = {},
): { watched: WatchedWorker; runs: Run[] } {
  const watched = new WatchedWorker(configFor(url, extra));
  const runs: Run[] = [];
  watched.worker.task('later', () => {
    const { id, message } = currentTask() as TaskContext;
    runs.push({ id, at: Date.now(), eta: message.eta });
  });
  return { watched, runs };
}

async function exists(vhost: Vhost, queue: string): Promise<boolean> {
  return (await vhost.depth(queue).catch(() => -1)) >= 0;
}

/** A task as Celery before 5.5 sends it with a countdown: straight to the queue. */
function early(id: string, inMs: number): { body: string; options: object } {
  const headers = { lang: 'py', task: 'later', id, eta: new Date(Date.now() + inMs).toISOString() };
  const options = { contentType: 'application/json', contentEncoding: 'utf-8', correlationId: id, headers };
  return { body: '[[], {}, {}]', options };
}

describe('delays', function () {
  before(function () {
    requireRabbit(this);
  });

  it('run a delayed task no earlier than its eta, and at most two seconds later', async () => {
    await using vhost = await Vhost.create();
    const { watched, runs } = noting(vhost.url);
    await using _worker = watched;
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    const receipt = await sender.publisher.send('later', [], { delay: '1500ms', expires: '1h' });
    await watched.untilSettled(1);

    const { at, eta } = runs[0]!;
    expect(receipt.eta?.getTime()).to.equal(eta);
    expect(at - eta!).to.be.within(0, 2000);
    expect(watched.started[0]!.lateMs).to.be.closeTo(at - eta!, 100);
  });

  it('wait in the broker while nobody is connected', async () => {
    await using vhost = await Vhost.create();
    const sender = await WatchedPublisher.open(configFor(vhost.url));
    const { id, eta } = await sender.publisher.send('later', [], { countdown: 2 });
    await sender[Symbol.asyncDispose]();
    await waitFor(() => Date.now() > eta!.getTime(), { what: 'its time' });
    const { watched, runs } = noting(vhost.url);
    await using _worker = watched;

    await watched.worker.start();
    await watched.untilSettled(1);

    expect(runs.map((run) => run.id)).to.deep.equal([id]);
  });

  it('move a message that came too early into the broker, and its place is free for others', async () => {
    await using vhost = await Vhost.create();
    const { watched, runs } = noting(vhost.url, { task_handler: { prefetch_count: 1, concurrency: 1 } });
    await using _worker = watched;
    await watched.worker.start();
    for (const [id, inMs] of [
      ['late', 3000],
      ['later', 4000],
      ['soon', 700],
    ] as const) {
      const { body, options } = early(id, inMs);
      await vhost.publish('celeriac', body, options);
    }

    const settled = await watched.untilSettled(5);

    expect(settled.slice(0, 3).map(({ id, verdict }) => [id, verdict.kind])).to.deep.equal([
      ['late', 'postpone'],
      ['later', 'postpone'],
      ['soon', 'ack'],
    ]);
    expect(runs.map(({ id }) => id)).to.deep.equal(['soon', 'late', 'later']);
    for (const { at, eta } of runs) expect(at - eta!).to.be.within(0, 2000);
    expect(watched.started.every(({ redelivered }) => !redelivered)).to.equal(true);
  });

  it('bring a message through the same delay queue a second time', async () => {
    await using vhost = await Vhost.create();
    const { watched, runs } = noting(vhost.url);
    await using _worker = watched;
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.send('later', [], { delay: 1 }); // declares the whole way
    await watched.untilSettled(1);
    const channel = await (await vhost.raw()).createConfirmChannel();

    // Three seconds are celery_delayed_1, then celery_delayed_0. It comes over two seconds too early, and walks again.
    const { body, options } = early('twice', 5500);
    channel.publish('celery_delayed_27', `${'0.'.repeat(26)}1.1.celeriac`, Buffer.from(body), options);
    await watched.untilSettled(3);

    const [, postponed, done] = watched.settled;
    expect([postponed!.verdict.kind, done!.verdict.kind]).to.deep.equal(['postpone', 'ack']);
    expect(runs[1]!.at - runs[1]!.eta!).to.be.within(0, 2000);
  });

  it('have their queues declared by a worker soon after it started, which it does not wait for', async () => {
    await using vhost = await Vhost.create();
    const { watched } = noting(vhost.url, { task_handler: { queues: ['a', 'a.b'] } });
    await using _worker = watched;

    await watched.worker.start();

    expect(await exists(vhost, 'celery_delayed_27')).to.equal(false);
    await waitFor(() => exists(vhost, 'celery_delayed_27'));
  });

  it('reach a queue again that was deleted under a worker', async () => {
    await using vhost = await Vhost.create();
    const { watched, runs } = noting(vhost.url);
    await using _worker = watched;
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    const { id } = await sender.publisher.send('later', [], { delay: 5 });

    const channel = await (await vhost.raw()).createChannel();
    await channel.deleteQueue('celeriac');
    await waitFor(async () => (await vhost.consumers('celeriac')) === 1, { what: 'it to be consumed again' });
    await watched.untilSettled(1);

    expect(runs.map((run) => run.id)).to.deep.equal([id]);
  });

  it('use delay queues that exist in another shape, with one warning', async () => {
    await using vhost = await Vhost.create();
    const first = await WatchedPublisher.open(
      configFor(vhost.url, { tasks: { delayed_delivery_queue_type: 'classic' } }),
    );
    await first.publisher.send('later', [], { delay: 1 });
    await first[Symbol.asyncDispose]();
    await using second = await WatchedPublisher.open(configFor(vhost.url));

    await second.publisher.send('later', [], { delay: 1 });

    await waitFor(async () => (await vhost.depth('celeriac')) === 2, { what: 'both to arrive' });
    const warnings = second.log.matching(/exists with another/u);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include({ argument: 'x-queue-type', wanted: 'quorum', present: 'classic' });
  });

  it('say what is missing where nothing may be declared', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    for (const queue of ['celeriac', 'celeriac.dead-letter'])
      await channel.assertQueue(queue, { durable: true });
    await using sender = await WatchedPublisher.open(
      configFor(vhost.url, { tasks: { declare_queues: false } }),
    );

    const error = await rejection(sender.publisher.send('later', [], { delay: 1 }));

    expect(error).to.have.property('code', 'ERR_TOPOLOGY_MISSING');
    expect(error.message).to.include('celery_delayed_delivery');
  });
});

describe('a restart of the broker while delayed messages wait', function () {
  let rabbit: Rabbit | undefined;

  before(async function () {
    requireRabbit(this);
    rabbit = await Rabbit.start();
  });

  after(() => rabbit?.stop());

  for (const type of ['quorum', 'classic'] as const) {
    it(`loses none, over ${type} queues`, async () => {
      await using vhost = await Vhost.create(rabbit);
      const tasks = { queue_type: type, delayed_delivery_queue_type: type };
      const { watched, runs } = noting(vhost.url, { tasks });
      await using _worker = watched;
      await watched.worker.start();
      await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
      const ids: string[] = [];
      // Some of them are due while it is down, some between two hops, some long after.
      for (let delay = 1; delay <= 24; delay++)
        ids.push((await sender.publisher.send('later', [], { delay })).id);

      await rabbit?.restart();
      await waitFor(() => new Set(runs.map(({ id }) => id)).size === ids.length, {
        what: 'all of them to have run',
        within: 120_000,
      });

      expect(runs.map(({ id }) => id)).to.include.members(ids);
      for (const { at, eta } of runs) expect(at - eta!).to.be.at.least(0);
    });
  }
});
