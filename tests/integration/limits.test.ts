/** Limits over RabbitMQ: who may start, who waits where, and that nobody stands in another one's way. */
import { setTimeout as sleep } from 'node:timers/promises';

import { defineTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

/** The most starts in any span of time. */
function mostIn(spanMs: number, starts: readonly number[]): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + spanMs).length));
}

describe('a rate limit', function () {
  before(function () {
    requireRabbit(this);
  });

  it('lets other tasks of the queue run at once, holds nothing unacknowledged, and keeps its pace', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { task_handler: { concurrency: 4 } }));
    const limited: number[] = [];
    const free: number[] = [];
    const perMs = 3_000;
    watched.worker.task('a', () => void limited.push(performance.now()), {
      rateLimit: { limit: 10, per: '3s' },
    });
    watched.worker.task('b', () => void free.push(performance.now()));
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    const { publisher } = sender;
    await publisher.sendMany(
      'a',
      Array.from({ length: 100 }, () => []),
    );
    await publisher.sendMany(
      'b',
      Array.from({ length: 20 }, () => []),
    );

    await watched.worker.start();
    const from = performance.now();
    await waitFor(() => free.length === 20, { what: '20 tasks without a limit' });
    const startedMeanwhile = limited.length;
    await waitFor(() => limited.length >= 30, { what: '30 tasks under the limit' });
    console.log(limited.map((at) => Math.round(at - from)).join(' '), Math.max(...free) - from);

    expect(await vhost.unacknowledged('celeriac')).to.be.at.most(1);
    expect(startedMeanwhile).to.be.below(20);
    expect(mostIn(perMs, limited)).to.be.at.most(10 + 5);
    const postponed = watched.settled.filter(
      ({ name, verdict }) => name === 'a' && verdict.kind === 'postpone',
    );
    expect(postponed.length).to.be.below(200);
    console.log(postponed.length);
  });

  it('of concurrency', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { task_handler: { concurrency: 8 } }));
    const done: string[] = [];
    const running = new Map<string, number>();
    let most = 0;
    const report = defineTask({
      name: 'report',
      input: { type: 'object', properties: { tenant: { type: 'string' } }, required: ['tenant'] },
      concurrency: { max: 2, key: (input) => input.tenant },
    });
    watched.worker.task(report, async ({ tenant }) => {
      const now = (running.get(tenant) ?? 0) + 1;
      running.set(tenant, now);
      most = Math.max(most, now);
      await sleep(20);
      running.set(tenant, (running.get(tenant) ?? 0) - 1);
      done.push(tenant);
    });
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.sendMany(
      report,
      Array.from({ length: 1000 }, () => ({ tenant: 'big' })),
    );
    await sender.publisher.sendMany(
      report,
      Array.from({ length: 10 }, (_, n) => ({ tenant: `small-${n}` })),
    );
    const from = performance.now();
    await watched.worker.start();
    await waitFor(() => done.filter((tenant) => tenant !== 'big').length === 10, {
      what: 'ten small tenants',
    });
    console.log('ten after', performance.now() - from, done.length);
    await waitFor(() => done.length === 1010, { what: 'all' });
    console.log('all after', performance.now() - from, watched.settled.length);
    expect(most).to.equal(2);
  });
});
