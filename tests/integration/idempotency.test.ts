/** Idempotency keys and unique tasks over a real RabbitMQ and a real Redis, with what goes wrong between them. */
import { fileURLToPath } from 'node:url';

import type { ConfigInput } from '@celeriac/core';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { Redis, requireRedis } from '../support/redis.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/hanging-worker.js', import.meta.url));

describe('keys over RabbitMQ and Redis', function () {
  let redis: Redis;
  before(async function () {
    requireRabbit(this);
    requireRedis(this);
    redis = await Redis.start();
  });
  after(async () => {
    await (redis as Redis | undefined)?.[Symbol.asyncDispose]();
  });

  const config = (url: string, more: ConfigInput = {}): ConfigInput =>
    configFor(url, { ...more, key_store: { connection_string: redis.url, lease: 2 } });

  it('run the body of a task once though the connection was lost in the middle of it', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    const url = vhost.url.replace(`:${vhost.rabbit.port}`, `:${proxy.port}`);
    await using watched = new WatchedWorker(config(url));
    const done = gate();
    let runs = 0;
    watched.worker.task(
      'long',
      async () => {
        runs++;
        await done.opened;
      },
      { idempotency: {} },
    );
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config(vhost.url));
    const { id } = await sender.publisher.send('long');
    await waitFor(() => runs === 1);

    proxy.reset();
    const held = await waitFor(() => watched.settled.find(({ outcome }) => outcome.kind === 'deferred'));
    done.open();
    const last = await waitFor(() => watched.settled.find(({ outcome }) => outcome.kind === 'repeated'));

    expect(held).to.include({ id, redelivered: true });
    expect(last).to.include({ id }).and.to.have.nested.property('verdict.kind', 'ack');
    expect(watched.settled.filter(({ verdict }) => verdict.kind === 'abandon')).to.have.length(1);
    expect(runs).to.equal(1);
    expect(watched.lost).to.have.length(1);
    expect(watched.log.matching(/PRECONDITION|delivery tag/u)).to.deep.equal([]);
    expect(await vhost.depth('celeriac')).to.equal(0);
  });

  it('go to another worker when the lease of one that was killed has ended, with a higher fencing number', async () => {
    await using vhost = await Vhost.create();
    const killed = start(process.execPath, [program, vhost.url, redis.url]);
    await killed.line(/READY/u);
    await using sender = await WatchedPublisher.open(config(vhost.url));
    const { id } = await sender.publisher.send('hang');
    const [, first] = (await killed.line(/BEGAN \d+/u)).split(' ');

    killed.kill('SIGKILL');
    await killed.exited;
    await using watched = new WatchedWorker(config(vhost.url));
    let second = 0;
    watched.worker.task(
      'hang',
      () => {
        second = currentTask()?.fencing ?? 0;
      },
      { idempotency: {} },
    );
    await watched.worker.start();
    const settled = await waitFor(() => watched.settled.find(({ outcome }) => outcome.kind === 'succeeded'));

    expect(settled.id).to.equal(id);
    expect(second).to.be.greaterThan(Number(first));
  });

  it('keep a second send out while one waits, let the last of several win, and are free again afterwards', async () => {
    await using vhost = await Vhost.create();
    await using sender = await WatchedPublisher.open(config(vhost.url));
    const { publisher } = sender;
    const unique = { key: 'k', while: 'queued' } as const;
    const debounce = { key: 'd', wait: '1s' } as const;
    const sent = await Promise.all(
      Array.from({ length: 10 }, (_, n) => publisher.send('unique', [n], { unique })),
    );
    for (const n of [1, 2, 3]) await publisher.send('debounced', [n], { debounce });
    for (const n of [1, 2, 3])
      await publisher.send('replaced', [n], { unique: { ...unique, on: 'replace' } });

    const ran: unknown[] = [];
    await using watched = new WatchedWorker(config(vhost.url));
    for (const name of ['unique', 'debounced', 'replaced'])
      watched.worker.task(name, (n: number) => void ran.push(`${name} ${n}`));
    await watched.worker.start();
    await watched.untilSettled(1 + 3 + 3);
    const before = [...ran];
    const later = await publisher.send('unique', [11], { unique });

    const first = sent.filter(({ duplicateOf }) => duplicateOf === undefined);
    expect(first).to.have.length(1);
    expect(new Set(sent.map(({ id }) => id))).to.deep.equal(new Set([first[0]?.id]));
    expect(before.filter((one) => String(one).startsWith('unique'))).to.have.length(1);
    expect(before).to.include.members(['debounced 3', 'replaced 3']);
    expect(before).to.have.length(3);
    expect(later.duplicateOf).to.equal(undefined);
  });
});
