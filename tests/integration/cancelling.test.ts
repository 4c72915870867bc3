/** Cancelling tasks: wherever they wait, whoever runs, and whoever starts later. */
import { openRemoteControl } from '@celeriac/core';
import { currentTask, type TaskContext, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Scene } from '../support/pool-scene.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const classic = { tasks: { queue_type: 'classic', delayed_delivery_queue_type: 'classic' } } as const;

describe('cancelling a task', function () {
  let opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let client: WatchedPublisher;
  let ran: string[];

  before(function () {
    requireRabbit(this);
    requireRedis(this);
  });

  beforeEach(async () => {
    ran = [];
    vhost = await Vhost.create();
    client = await WatchedPublisher.open(configFor(vhost.url, classic));
    opened = [vhost, client];
  });

  afterEach(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  async function started(concurrency = 1, more?: (worker: Worker) => void): Promise<WatchedWorker> {
    const handler = { concurrency, prefetch_count: 10 };
    const watched = new WatchedWorker(configFor(vhost.url, { ...classic, task_handler: handler }));
    opened.push(watched);
    watched.worker.task('note', (text: string) => void ran.push(text));
    more?.(watched.worker);
    await watched.worker.start();
    return watched;
  }

  const ofId = (watched: WatchedWorker, id: string) =>
    waitFor(() => watched.settled.find((one) => one.id === id), { what: `${id} to be settled` });

  it('that waits for its time keeps it from running when it comes', async () => {
    const worker = await started();
    const { id } = await client.publisher.send('note', ['late'], { delay: '5s' });
    const report = await client.publisher.cancel(id);

    const { outcome, verdict } = await ofId(worker, id);
    expect(report.workers).to.have.length(1);
    expect([outcome.kind, verdict.kind]).to.deep.equal(['revoked', 'ack']);
    expect(ran).to.deep.equal([]);
    expect(await vhost.depth('celeriac')).to.equal(0);
    expect(worker.log.matching(/^cancelled: acknowledged without running/u)).to.have.length(1);
  });

  for (const rule of ['queued', 'queued-or-running'] as const) {
    it(`that is unique while ${rule} gives its key back: the next one is sent`, async () => {
      await using server = await Redis.start();
      const key_store = { connection_string: server.url };
      const config = configFor(vhost.url, { ...classic, key_store });
      const worker = new WatchedWorker(config);
      const sender = await WatchedPublisher.open(config);
      opened.push(worker, sender);
      worker.worker.task('note', (text: string) => void ran.push(text));
      await worker.worker.start();
      const send = (text: string, delay?: '2s') =>
        sender.publisher.send('note', [text], {
          unique: { key: 'k', while: rule },
          ...(delay === undefined ? {} : { delay }),
        });
      const { id } = await send('cancelled', '2s');
      expect((await send('meanwhile')).duplicateOf).to.equal(id);
      await sender.publisher.cancel(id);
      expect((await ofId(worker, id)).outcome.kind).to.equal('revoked');

      await waitFor(async () => (await send('next')).duplicateOf === undefined, {
        what: 'the key to be free',
      });

      await waitFor(() => ran.length > 0, { what: 'the next to run' });
      expect(ran[0]).to.equal('next');
    });
  }

  it('that waits behind others keeps it from running at its turn', async () => {
    const { opened: goOn, open } = gate();
    const worker = await started(1, (one) => one.task('wait', () => goOn));
    const told: string[] = [];
    worker.worker.on('revoked', (one) => told.push(`${one.id} ${one.name} ${String(one.terminated)}`));
    await client.publisher.send('wait');
    await waitFor(() => worker.started.length === 1);
    const { id } = await client.publisher.send('note', ['third']);
    await client.publisher.cancel(id);
    open();
    await client.publisher.send('note', ['after']);

    expect((await ofId(worker, id)).outcome.kind).to.equal('revoked');
    await waitFor(() => ran.length > 0);
    expect(ran).to.deep.equal(['after']);
    expect(told).to.deep.equal([`${id} note false`]);
  });

  it('says that nobody heard it, and a worker that starts later knows it all the same', async () => {
    const first = await client.publisher.send('note', ['never']);
    const report = await client.publisher.cancel(first.id, { keep: '10d' });
    await client.publisher.send('note', ['after']);

    const worker = await started();
    await waitFor(() => ran.length > 0);
    expect(report.workers).to.deep.equal([]);
    expect(report.until.getTime() - Date.now()).to.be.within(9.9 * 86_400_000, 10 * 86_400_000);
    expect((await ofId(worker, first.id)).outcome.kind).to.equal('revoked');
    expect(ran).to.deep.equal(['after']);
  });

  it('is not forgotten when the worker is started again before the time has come', async () => {
    const before = await started();
    const { id } = await client.publisher.send('note', ['late'], { delay: '5s' });
    await client.publisher.cancel(id);
    await before.worker.stop();

    const worker = await started();
    expect((await ofId(worker, id)).outcome.kind).to.equal('revoked');
    expect(ran).to.deep.equal([]);
  });

  it('that runs tells it to stop only when asked to, and does not run it again', async () => {
    let reason: unknown;
    const worker = await started(1, (one) =>
      one.task('heed', async () => {
        const { signal } = currentTask() as TaskContext;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        reason = signal.reason;
        signal.throwIfAborted();
      }),
    );
    const { id } = await client.publisher.send('heed');
    await waitFor(() => worker.started.length === 1);
    await client.publisher.cancel(id);
    const wasTold = reason !== undefined;
    await client.publisher.cancel(id, { terminate: true });

    const { outcome, verdict } = await ofId(worker, id);
    expect(wasTold).to.equal(false);
    expect(reason).to.have.property('code', 'ERR_TASK_REVOKED');
    expect(outcome).to.include({ kind: 'revoked', terminated: true });
    expect(verdict.kind).to.equal('ack');
  });

  it('is heard again after the connection was lost, and what was written meanwhile is read', async () => {
    await started();
    await client.publisher.cancel('other');
    // Written and told to nobody, as while a worker is away.
    const until = Math.ceil(Date.now() / 1000) + 3600;
    await vhost.publish('celeriac.cancelled', JSON.stringify([['told-to-nobody', until]]));
    await vhost.rabbit.closeConnections();

    const control = await openRemoteControl({ config: configFor(vhost.url), env: {} });
    opened.push(control);
    await waitFor(
      async () => {
        const [answer] = await control.call('revoked');
        return (answer?.value as readonly string[] | undefined)?.includes('told-to-nobody');
      },
      { what: 'the worker to know' },
    );
    expect((await client.publisher.cancel('other')).workers).to.have.length(1);
  });

  for (const pool of ['threads', 'processes'] as const) {
    it(`ends the code that runs in ${pool}, which cannot heed anything`, async () => {
      await using scene = await Scene.open({ pool, concurrency: 1 });
      const id = await scene.send('spin');
      await scene.said(id);
      await scene.sender.cancel(id, { terminate: true });

      expect((await scene.settled(id)).outcome).to.include({ kind: 'revoked', terminated: true });
      expect((await scene.run('add', [1, 2])).outcome).to.deep.equal({ kind: 'succeeded', value: 3 });
    });
  }
});
