/** Limits over RabbitMQ, in every pool, and across workers: who starts, who waits where, who stands in nobody's way. */
import { setTimeout as sleep } from 'node:timers/promises';

import { startBroker } from '@celeriac/dev-broker';
import { type LimitStore, loadConfig, newLane, openLimitStore, silentLogger, takeTurn } from '@celeriac/core';
import { defineTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Scene } from '../support/pool-scene.js';
import { crawl } from '../support/programs/limited-tasks.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

/** The most starts in any span of time. */
function mostIn(spanMs: number, starts: readonly number[]): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + spanMs).length));
}

/** How many run now, by key, and how many did at most. */
class Running {
  readonly done: string[] = [];
  most = 0;
  #now = new Map<string, number>();

  async run(key: string, ms: number): Promise<void> {
    const now = (this.#now.get(key) ?? 0) + 1;
    this.#now.set(key, now);
    this.most = Math.max(this.most, now);
    await sleep(ms);
    this.#now.set(key, (this.#now.get(key) ?? 0) - 1);
    this.done.push(key);
  }
}

describe('limits over RabbitMQ', function () {
  before(function () {
    requireRabbit(this);
  });

  // Source of the case: celery/celery #8119.
  it('a rate limit lets other tasks of its queue run at once, holds nothing unacknowledged, and keeps its pace', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { task_handler: { concurrency: 4 } }));
    const limited: number[] = [];
    let free = 0;
    const rateLimit = { limit: 10, per: '3s' };
    watched.worker.task('a', () => void limited.push(performance.now()), { rateLimit });
    watched.worker.task('b', () => (free += 1));
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.sendMany('a', Array<unknown[]>(100).fill([]));
    await sender.publisher.sendMany('b', Array<unknown[]>(20).fill([]));

    await watched.worker.start();
    await waitFor(() => free === 20, { what: '20 tasks without a limit' });
    const startedMeanwhile = limited.length;
    await waitFor(() => limited.length >= 20, { what: '20 tasks under the limit' });

    // Nothing of it is a matter of how fast the machine is: at the pace, 100 take half a minute.
    expect(startedMeanwhile).to.be.below(100);
    expect(mostIn(3_000, limited)).to.be.at.most(10 + 5); // per 3 s, and what is due in a second and a half
    await waitFor(async () => (await vhost.unacknowledged('celeriac')) === 0, { what: 'nothing in hand' });
  });

  it('a tenant with many tasks leaves slots to others', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { task_handler: { concurrency: 4 } }));
    const running = new Running();
    const report = defineTask({
      name: 'report',
      input: { type: 'object', properties: { tenant: { type: 'string' } }, required: ['tenant'] },
      concurrency: { max: 2, key: 'tenant' },
    });
    watched.worker.task(report, ({ tenant }) => running.run(tenant, 100));
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    const { publisher } = sender;
    await publisher.sendMany(report, Array(200).fill({ tenant: 'big' }));
    await publisher.sendMany(
      report,
      Array.from({ length: 10 }, (_, n) => ({ tenant: `small-${n}` })),
    );

    await watched.worker.start();
    const small = () => running.done.filter((tenant) => tenant !== 'big').length;
    await waitFor(() => small() === 10, { what: 'the small tenants' });
    const bigMeanwhile = running.done.length - 10;
    await waitFor(() => running.done.length >= bigMeanwhile + 20, { what: 'the big one to go on' });

    expect(bigMeanwhile).to.be.below(200);
    expect(running.most).to.equal(2);
  });
});

for (const pool of ['inline', 'threads', 'processes'] as const) {
  describe(`limits of tasks in the pool ${pool}`, () => {
    it('are kept in the worker, by keys of the input', async () => {
      const handlers = new URL('../support/programs/limited-tasks.js', import.meta.url);
      await using scene = await Scene.open({ pool, concurrency: 3 }, { module: handlers });

      const ids: string[] = [];
      for (const host of ['a', 'a', 'b']) ids.push((await scene.sender.send(crawl, { host })).id);
      for (const id of ids)
        await waitFor(
          () => scene.watched.settled.some((one) => one.id === id && one.verdict.kind === 'ack'),
          {
            what: `${id} to run`,
          },
        );

      const said = scene.progress.map(({ value }) => String(value)).filter((text) => text.endsWith(' a'));
      expect(said).to.deep.equal(['begin a', 'end a', 'begin a', 'end a']);
      expect((await scene.run('limited', ['x'])).verdict.kind).to.equal('ack');
      expect((await scene.run('limited', ['y'])).verdict.kind).to.equal('ack');
      const { outcome, verdict } = await scene.run('limited', ['x']);
      expect(outcome).to.include({ kind: 'deferred', because: 'rate limit' });
      expect(verdict.kind).to.equal('postpone');
    });
  });
}

describe('a limit of loop lag', () => {
  it('starts nothing while handlers keep the event loop from turning, and everything in the end', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, {
      task_handler: { concurrency: 2, lag_limit: '50ms', lag_warning: '50ms' },
    });
    await using watched = new WatchedWorker(config);
    watched.worker.task('compute', () => {
      const end = performance.now() + 300;
      while (performance.now() < end);
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.sendMany('compute', Array<unknown[]>(6).fill([]));

    await watched.untilSettled(6);

    expect(watched.settled.map(({ verdict }) => verdict.kind)).to.deep.equal(Array(6).fill('ack'));
    const [held] = watched.log.matching(/too late: nothing further is started/u);
    expect(held?.p99).to.be.above(50);
    expect(watched.log.matching(/are started again/u)).not.to.have.length(0);
    expect(watched.log.matching(/the event loop is late/u)).to.have.length(1);
  });
});

describe('limits that workers share in Redis', function () {
  let redis: Redis | undefined;
  before(async function () {
    requireRedis(this);
    redis = await Redis.start();
  });
  after(() => redis?.[Symbol.asyncDispose]());

  async function openStore(): Promise<LimitStore & AsyncDisposable> {
    const key_store = { connection_string: redis!.url, command_timeout: 10 };
    const { key_store: config } = await loadConfig({ key_store }, { env: {} });
    const store = (await openLimitStore({ config, name: 'tests', logger: silentLogger }))!;
    return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
  }

  it('hold for all of them together', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, {
      key_store: { connection_string: redis!.url },
      task_handler: { concurrency: 4 },
    });
    await using one = new WatchedWorker(config);
    await using other = new WatchedWorker(config);
    const running = new Running();
    const starts: number[] = [];
    for (const { worker } of [one, other]) {
      worker.task('single', () => running.run('single', 200), { concurrency: { max: 1, scope: 'global' } });
      worker.task('paced', () => void starts.push(performance.now()), {
        rateLimit: { limit: 5, per: '2s', scope: 'global' },
      });
      await worker.start();
    }
    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.sendMany('single', Array<unknown[]>(6).fill([]));
    await sender.publisher.sendMany('paced', Array<unknown[]>(15).fill([]));

    await waitFor(() => running.done.length === 6 && starts.length === 15, { what: 'all to run' });

    expect(running.most).to.equal(1);
    expect(mostIn(2_000, starts)).to.be.at.most(5 + 4); // what is due in a second and a half
    for (const { settled } of [one, other]) expect(settled).not.to.have.length(0);
  });

  it('keep the seat of a worker that died until its lease ends, and give it to others then', async () => {
    await using store = await openStore();
    const take = (owner: string) => store.takeSeat('a', { owner, leaseMs: 60_000, max: 1 });

    expect(await take('died')).to.equal(true);
    expect(await take('other')).to.equal(false);
    await store.renewSeat('a', { owner: 'died', leaseMs: 1 });
    await waitFor(() => take('other'), { what: 'the lease to end' });
    expect(await take('third')).to.equal(false);
    await store.giveSeatBack('a', 'other');
    expect(await take('third')).to.equal(true);
  });

  it('follow the same rule as those of one worker', async () => {
    await using store = await openStore();
    const pace = { intervalMs: 1e6, burstMs: 2e6 };
    let lane = newLane;
    const bursting = { intervalMs: 1e6, burstMs: 1e9 };
    const asked = [false, false, true, false, false, true, true, false, true].map(
      (one) => [pace, one] as const,
    );
    // With room for a burst, those that were told a turn go before newcomers.
    for (const [by, isReturning] of [...asked, [bursting, false], [bursting, true]] as const) {
      const turn = takeTurn(lane, by, { now: 1e12, isReturning });
      ({ lane } = turn);
      const waitMs = await store.turn('a', { ...by, isReturning });
      expect(waitMs > 0, `${turn.waitMs} and ${waitMs}`).to.equal(turn.waitMs > 0);
      expect(waitMs).to.be.closeTo(turn.waitMs, 1e5); // the server's time goes on meanwhile
    }
    for (const isReturning of [false, true]) {
      const told = await store.turn('a', { ...pace, isReturning });
      const unused = await store.turn('a', { ...pace, isReturning, withinMs: 1e6 });
      const next = await store.turn('a', { ...pace, isReturning, withinMs: Infinity });
      expect(unused, 'not before it expires').to.be.above(1e6);
      expect([unused - told, next - told].map((ms) => Math.round(ms / 1e6))).to.deep.equal([1, 1]);
    }
  });
});
