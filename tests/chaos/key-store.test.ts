/** The key store killed, or stopped, under load: the policy is obeyed, and nothing that was confirmed is lost. */
import type { ConfigInput } from '@celeriac/core';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const messages = 300;

interface Load extends AsyncDisposable {
  readonly confirmed: readonly string[];
  /** How often each ran. */
  readonly runs: Map<string, number>;
  readonly watched: WatchedWorker;
}

async function load(config: ConfigInput): Promise<Load> {
  await using sender = await WatchedPublisher.open(config);
  const receipts = await sender.publisher.sendMany(
    'work',
    Array.from({ length: messages }, () => []),
  );
  const runs = new Map<string, number>();
  const watched = new WatchedWorker(config);
  watched.worker.task(
    'work',
    () => {
      const id = currentTask()?.id ?? '';
      runs.set(id, (runs.get(id) ?? 0) + 1);
    },
    { idempotency: {} },
  );
  await watched.worker.start();
  const dispose = (): Promise<void> => watched[Symbol.asyncDispose]();
  return { confirmed: receipts.map(({ id }) => id), runs, watched, [Symbol.asyncDispose]: dispose };
}

describe('a key store that goes away under load', function () {
  before(function () {
    requireRabbit(this);
    requireRedis(this);
  });

  const config = (url: string, redis: Redis, when_unavailable: 'run' | 'wait'): ConfigInput =>
    configFor(url, {
      key_store: { connection_string: redis.url, when_unavailable, command_timeout: 0.5, lease: 5 },
      task_handler: { concurrency: 4, prefetch_count: 4 },
    });

  it('for good: with `run` everything runs all the same', async () => {
    await using vhost = await Vhost.create();
    await using redis = await Redis.start();
    await using under = await load(config(vhost.url, redis, 'run'));
    await waitFor(() => under.runs.size > 20);

    process.kill(redis.pid, 'SIGKILL');

    await waitFor(() => under.runs.size === messages, { what: 'every message to run' });
    await waitFor(async () => (await vhost.depth('celeriac')) === 0);
    const unguarded = under.watched.log.matching(/runs without its key/u).length;
    const twice = [...under.runs.values()].filter((count) => count > 1).length;
    console.log(
      `      ${messages} confirmed, ${under.runs.size} ran (${twice} again), ${unguarded} without their key`,
    );
    expect(new Set(under.runs.keys())).to.deep.equal(new Set(under.confirmed));
    expect(unguarded).to.be.greaterThan(0);
  });

  it('for a while: with `wait` nothing begins until it is back, and then everything runs, once', async () => {
    await using vhost = await Vhost.create();
    await using redis = await Redis.start();
    await using under = await load(config(vhost.url, redis, 'wait'));
    await waitFor(() => under.runs.size > 20);

    process.kill(redis.pid, 'SIGSTOP');
    try {
      const deferred = (): number =>
        under.watched.settled.filter(({ outcome }) => outcome.kind === 'deferred').length;
      await waitFor(() => deferred() > 4, { what: 'messages to be put off' });
      const before = under.runs.size;
      const now = deferred();
      await waitFor(() => deferred() > now + 20, { what: 'more of them' });
      expect(under.runs.size).to.equal(before);
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }

    await waitFor(() => under.runs.size === messages, { what: 'every message to run', within: 120_000 });
    const twice = [...under.runs.values()].filter((count) => count > 1).length;
    console.log(`      ${messages} confirmed, ${under.runs.size} ran (${twice} again)`);
    expect(new Set(under.runs.keys())).to.deep.equal(new Set(under.confirmed));
    expect(twice).to.equal(0);
  });
});
