/** Consuming goes on: through deleted queues, cancels, lost connections and handlers that fail. */
import { setTimeout as sleep } from 'node:timers/promises';

import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

function workerOf(vhost: Vhost, handler: Record<string, unknown> = {}): WatchedWorker {
  return new WatchedWorker(
    configFor(vhost.url, { task_handler: { queues: ['q'], concurrency: 4, ...handler } }),
  );
}

async function senderTo(vhost: Vhost): Promise<WatchedPublisher> {
  return WatchedPublisher.open(configFor(vhost.url, { tasks: { default_queue: 'q' } }));
}

describe('consuming', function () {
  before(function () {
    requireRabbit(this);
  });

  it('goes on after its queue was deleted, and no other queue is disturbed', async () => {
    await using vhost = await Vhost.create();
    await using watched = workerOf(vhost, { queues: ['q', 'other'] });
    const finish = gate();
    watched.worker.task('add', (a: number, b: number) => a + b);
    watched.worker.task('slow', () => finish.opened);
    await watched.worker.start();
    await using sender = await senderTo(vhost);
    await sender.publisher.send('slow', [], { queue: 'other' });
    await waitFor(() => watched.started.length === 1);
    const channel = await (await vhost.raw()).createChannel();

    await channel.deleteQueue('q');

    await waitFor(async () => (await vhost.consumers('q')) === 1, { what: 'q to be consumed again' });
    await sender.publisher.send('add', [1, 2]);
    await watched.untilSettled(1);
    finish.open();
    const settled = await watched.untilSettled(2);
    expect(settled.map(({ name, outcome, redelivered }) => [name, outcome.kind, redelivered])).to.deep.equal([
      ['add', 'succeeded', false],
      ['slow', 'succeeded', false],
    ]);
    expect(await vhost.depth('other')).to.equal(0);
    expect(watched.lost).to.deep.equal([]);
  });

  it('acknowledges nothing on a new connection for what an old one delivered', async () => {
    await using vhost = await Vhost.create();
    // Classic: a quorum queue tells its counts some seconds late.
    const tasks = { queue_type: 'classic', default_queue: 'q' } as const;
    await using watched = new WatchedWorker(
      configFor(vhost.url, { tasks, task_handler: { concurrency: 2 } }),
    );
    const runs: { n: number; redelivered: boolean; finish: () => void }[] = [];
    watched.worker.task('slow', async (n: number) => {
      const { opened, open } = gate();
      runs.push({ n, redelivered: currentTask()!.redelivered, finish: open });
      await opened;
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    for (const n of [1, 2, 3]) await sender.publisher.send('slow', [n]);
    await waitFor(() => runs.length === 2);

    await vhost.rabbit.closeConnections();
    await waitFor(() => watched.restored.length === 2, { what: 'the connection to be restored' });
    for (const one of runs.slice(0, 2)) one.finish(); // their acknowledgements are stale now
    // Wrong tags would acknowledge what is running now, and lose it should we go.
    await waitFor(() => runs.length === 4, { what: 'two to be delivered again' });

    // The third has not been delivered before; the others go to the end of a classic queue, to be counted.
    for (const { n, redelivered } of runs.slice(2)) expect(redelivered, String(n)).to.equal(n !== 3);
    expect(await remaining(vhost)).to.equal(3);
    for (const one of runs.slice(2)) one.finish();
    await waitFor(() => runs.length === 5);
    runs[4]!.finish();
    await waitFor(async () => (await remaining(vhost)) === 0, {
      what: 'the queue to be empty',
      every: 500,
    });
    const times = new Map<number, number>();
    for (const { n } of runs) times.set(n, (times.get(n) ?? 0) + 1);
    expect([...times.values()].every((count) => count <= 2)).to.equal(true);
    expect([...times.keys()].sort()).to.deep.equal([1, 2, 3]);
    expect(watched.log.raw.filter((line) => /\b406\b|unknown delivery tag/u.test(line))).to.deep.equal([]);
    expect(watched.lost).to.have.length(1);
  });

  it('tells a running handler through its signal when its connection is lost', async () => {
    await using vhost = await Vhost.create();
    await using watched = workerOf(vhost);
    const reasons: unknown[] = [];
    watched.worker.task('slow', async () => {
      const { signal, redelivered } = currentTask()!;
      if (redelivered) return;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      reasons.push(signal.reason);
    });
    await watched.worker.start();
    await using sender = await senderTo(vhost);
    await sender.publisher.send('slow', []);
    await waitFor(() => watched.started.length === 1);

    await vhost.rabbit.closeConnections();

    await waitFor(() => reasons.length === 1);
    expect(reasons[0]).to.have.property('code', 'ERR_DELIVERY_LOST');
    await waitFor(() => watched.settled.some(({ verdict }) => verdict.kind === 'ack'));
    expect(watched.started.map(({ redelivered }) => redelivered)).to.deep.equal([false, true]);
  });

  it('never runs more handlers at once than its concurrency, with more prefetched', async () => {
    await using vhost = await Vhost.create();
    await using watched = workerOf(vhost, { concurrency: 3, prefetch_count: 20 });
    let running = 0;
    let most = 0;
    watched.worker.task('count', async () => {
      most = Math.max(most, ++running);
      await sleep(2);
      running--;
    });
    await using sender = await senderTo(vhost);
    await sender.publisher.sendMany(
      'count',
      Array.from({ length: 60 }, () => []),
    );

    await watched.worker.start();

    await watched.untilSettled(60);
    expect(most).to.equal(3);
  });

  it('takes no more deliveries than the prefetch while handlers are busy', async () => {
    await using vhost = await Vhost.create();
    await using watched = workerOf(vhost, { concurrency: 2, prefetch_count: 5 });
    const finish = gate();
    watched.worker.task('wait', () => finish.opened);
    await using sender = await senderTo(vhost);
    await sender.publisher.sendMany(
      'wait',
      Array.from({ length: 12 }, () => []),
    );
    await watched.worker.start();

    await waitFor(async () => (await vhost.depth('q')) === 7, { what: '5 of 12 to be taken' });

    expect(watched.started).to.have.length(2);
    finish.open();
    await watched.untilSettled(12);
  });

  it('dead-letters once what a handler throws at once, rejects with, or throws without an error', async () => {
    await using vhost = await Vhost.create();
    await using watched = workerOf(vhost);
    watched.worker.task('throws', () => {
      throw new TypeError('at once');
    });
    watched.worker.task('rejects', () => Promise.reject(new RangeError('later')));
    watched.worker.task('undefined', () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- the point of it
      throw undefined;
    });
    watched.worker.task('fine', () => 'fine');
    await watched.worker.start();
    await using sender = await senderTo(vhost);
    for (const name of ['throws', 'rejects', 'undefined', 'fine']) await sender.publisher.send(name);
    await watched.untilSettled(4);

    const letters = await vhost.take('q.dead-letter');

    const told = letters.map(({ properties: { headers } }) => [
      headers?.task as unknown,
      headers?.['celeriac-reason'] as unknown,
      headers?.['celeriac-error-type'] as unknown,
    ]);
    expect(told).to.have.deep.members([
      ['throws', 'failed', 'TypeError'],
      ['rejects', 'failed', 'RangeError'],
      ['undefined', 'failed', 'undefined'],
    ]);
    expect(watched.lost).to.deep.equal([]);
    expect(watched.started).to.have.length(4);
  });
});

/** Ready and unacknowledged. */
async function remaining(vhost: Vhost): Promise<number> {
  return (await vhost.rabbit.depths(vhost.name)).get('q') ?? 0;
}
