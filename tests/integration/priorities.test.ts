/** Priorities, on a queue that has them: what waits in the queue is sorted, what a worker has prefetched is not. */
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const low = 20;
const high = 5;

describe('priorities', function () {
  before(function () {
    requireRabbit(this);
  });

  async function scene(prefetch: number): Promise<{
    readonly vhost: Vhost;
    readonly watched: WatchedWorker;
    readonly ran: string[];
    readonly send: (label: string, count: number, priority: number) => Promise<unknown>;
    readonly open: () => void;
    readonly [Symbol.asyncDispose]: () => Promise<void>;
  }> {
    const vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('celery', { durable: true, arguments: { 'x-max-priority': 10 } });
    const tasks = { compatibility: 'celery' } as const;
    const handler = { concurrency: 1, prefetch_count: prefetch };
    const config = configFor(vhost.url, { tasks, task_handler: handler });
    const watched = new WatchedWorker(config);
    const client = await WatchedPublisher.open(config);
    const { opened, open } = gate();
    const ran: string[] = [];
    watched.worker.task('note', async (label: string) => {
      await opened;
      ran.push(label);
    });
    const send = (label: string, count: number, priority: number): Promise<unknown> =>
      client.publisher.sendMany(
        'note',
        Array.from({ length: count }, () => [label]),
        { priority },
      );
    const close = async (): Promise<void> => {
      for (const one of [watched, client, vhost]) await one[Symbol.asyncDispose]();
    };
    return { vhost, watched, ran, send, open, [Symbol.asyncDispose]: close };
  }

  it('let the most urgent run first, though others were sent before', async () => {
    await using one = await scene(1);
    one.open();
    await one.send('low', low, 0);
    await one.send('high', high, 9);

    await one.watched.worker.start();
    await one.watched.untilSettled(low + high);

    expect(one.ran.slice(0, high)).to.deep.equal(Array.from({ length: high }, () => 'high'));
  });

  it('come too late for what a worker has prefetched, and for nothing else', async () => {
    const prefetch = 4;
    await using one = await scene(prefetch);
    await one.watched.worker.start();
    await one.send('low', low, 0);
    await waitFor(async () => (await one.vhost.depth('celery')) === low - prefetch);
    await one.send('high', high, 9);
    one.open();

    await one.watched.untilSettled(low + high);

    expect(one.ran.slice(0, prefetch)).to.deep.equal(Array.from({ length: prefetch }, () => 'low'));
    expect(one.ran.slice(prefetch, prefetch + high)).to.deep.equal(
      Array.from({ length: high }, () => 'high'),
    );
  });
});
