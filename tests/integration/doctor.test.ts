/** `diagnose` and `celeriac doctor`: what they find on real brokers and servers, and that they change nothing there. */
import { fileURLToPath } from 'node:url';

import { type Check, type CheckState, type ConfigInput, diagnose, systemClock } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { Redis, requireRedis } from '../support/redis.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

async function examine(config: ConfigInput, timeout = '20s'): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for await (const check of diagnose({ config, env: {}, timeout, workers: '1s' })) checks.push(check);
  return checks;
}

function stateOf(checks: readonly Check[], subject: string): CheckState | undefined {
  return checks.find((check) => check.subject === subject)?.state;
}

async function doctor(url: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
  const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: url };
  const running = start(process.execPath, [main, 'doctor', ...args], { env });
  return { code: await running.exited, output: running.output() };
}

describe('the doctor', function () {
  before(function () {
    requireRabbit(this);
    requireRedis(this);
  });

  it('finds nothing wrong where nothing is, and leaves nothing behind', async () => {
    const broker = await startBroker();
    try {
      const checks = await examine(configFor(broker.url));

      expect(checks.filter(({ state }) => state === 'failed')).to.deep.equal([]);
      expect(stateOf(checks, 'round trip of tasks and events')).to.equal('ok');
      expect(stateOf(checks, 'queue celeriac')).to.equal('skipped');
      expect(stateOf(checks, 'workers')).to.equal('skipped');
      // Answers of workers come to a queue that expires by itself, as Celery's do.
      const left = broker.queues().filter(({ name }) => !name.endsWith('.reply.celery.pidbox'));
      expect(left).to.deep.equal([]);
      expect((await doctor(broker.url)).code).to.equal(0);
    } finally {
      await broker.stop();
    }
  });

  it('names the queues that are there differently, and which of them lose messages', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('celeriac', { durable: true });
    await channel.assertQueue('celeriac.dead-letter', { durable: false });

    const { code, output } = await doctor(vhost.url);

    expect(code, output).to.equal(78);
    expect(output)
      .to.match(
        /^warning {2}queue celeriac: has x-dead-letter-exchange none.*; has x-dead-letter-routing-key none/mu,
      )
      .and.match(
        /^FAILED {3}queue celeriac\.dead-letter: has durable false, and the configuration wants true/mu,
      );
  });

  it('tells a refused password, and one who may have no queue of his own', async () => {
    await using vhost = await Vhost.create();
    const checks = await examine(
      configFor(vhost.rabbit.urlFor({ vhost: vhost.name, password: 'wrong-canary' })),
    );

    expect(checks.find(({ state }) => state === 'failed')).to.deep.include({
      subject: 'broker of tasks and events',
      code: 'ERR_ACCESS_REFUSED',
    });
    expect(JSON.stringify(checks)).not.to.contain('canary');

    const user = `narrow-${vhost.name}`;
    const [name, host] = [user, vhost.name].map((text) => `<<"${text}">>`);
    await vhost.rabbit.ctl(
      'eval',
      `rabbit_auth_backend_internal:add_user(${name}, <<"pw">>, <<"test">>),
       rabbit_auth_backend_internal:set_permissions(${name}, ${host}, <<"^celeriac$">>, <<".*">>, <<".*">>, <<"test">>).`,
    );
    const narrow = await examine(configFor(vhost.rabbit.urlFor({ vhost: vhost.name, user, password: 'pw' })));
    expect(stateOf(narrow, 'round trip of tasks and events')).to.equal('warning');
  });

  it('notices a broker that blocks publishers', async () => {
    const broker = await startBroker();
    try {
      broker.faults.block('memory');
      const checks = await examine(configFor(broker.url), '500ms');

      const round = checks.find(({ subject }) => subject.startsWith('round trip'));
      expect(round).to.deep.include({ state: 'failed', code: 'ERR_PUBLISH_BLOCKED' });
    } finally {
      await broker.stop();
    }
  });

  it('hears from workers, and whose clock is wrong', async () => {
    const broker = await startBroker();
    try {
      const clock = { ...systemClock, now: () => systemClock.now() + 60_000 };
      const io = { task_handler: { io: 'inline' as const } };
      await using late = new WatchedWorker(configFor(broker.url, { ...io, service: 'late' }), { clock });
      await using right = new WatchedWorker(configFor(broker.url, { ...io, service: 'right' }));
      for (const { worker } of [late, right]) {
        worker.task('a', () => 1);
        await worker.start();
      }
      const checks = await examine(configFor(broker.url));

      expect(stateOf(checks, 'workers')).to.equal('ok');
      const clocks = checks.filter(({ subject }) => subject.startsWith('clock of'));
      expect(clocks.map(({ state }) => state).sort()).to.deep.equal(['ok', 'warning']);
      expect(clocks.find(({ state }) => state === 'warning')?.subject).to.contain('late');
      expect(stateOf(checks, 'queue celeriac')).to.equal('ok');
    } finally {
      await broker.stop();
    }
  });

  it('asks Redis what it throws away, and whether it answers at all', async () => {
    const broker = await startBroker();
    const redis = await Redis.start();
    try {
      const tasks = { result_backend: redis.url };
      const config = configFor(broker.url, { tasks, key_store: { connection_string: redis.url } });
      const before = await examine(config);
      expect(
        before.filter(({ subject }) => /results|key store/u.test(subject)).map(({ state }) => state),
      ).to.deep.equal(['ok', 'ok', 'ok', 'ok', 'ok', 'ok']);

      await redis.configure('maxmemory', '100mb');
      await redis.configure('maxmemory-policy', 'allkeys-lru');
      expect(stateOf(await examine(config), 'results, memory')).to.equal('warning');

      await redis.down();
      expect((await examine(config, '1s')).filter(({ state }) => state === 'failed')).to.have.length(2);
    } finally {
      await redis[Symbol.asyncDispose]();
      await broker.stop();
    }
  });
});
