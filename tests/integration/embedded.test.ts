/** The embedded broker where a connection string goes, and as a process of its own that others find. No RabbitMQ. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBroker } from '@celeriac/dev-broker';
import { createPublisher } from '@celeriac/publisher';
import { createWorker } from '@celeriac/worker';
import { expect } from 'chai';

import { rejection } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const packages = fileURLToPath(new URL('../../../packages/', import.meta.url));

describe('memory://', () => {
  it('is one broker for the whole process, another for every other name', async () => {
    const config = { events: { connection_string: 'memory://one' } };
    const options = { config, env: {} };
    const worker = createWorker(options);
    const sum = new Promise((resolve) => {
      worker.task('math.add', (a: number, b: number) => resolve(a + b));
    });
    await worker.start();
    const publisher = await createPublisher(options);
    const elsewhere = await createPublisher({
      config: { events: { connection_string: 'memory://two' }, tasks: { declare_queues: false } },
      env: {},
    });
    try {
      await publisher.send('math.add', [2, 3]);

      expect(await sum).to.equal(5);
      expect(await rejection(elsewhere.send('math.add', [2, 3]))).to.include({
        code: 'ERR_TOPOLOGY_MISSING',
      });
    } finally {
      await worker.stop();
      await publisher.close();
      await elsewhere.close();
    }
  });

  it('keeps virtual hosts apart', async () => {
    const at = (vhost: string) => ({
      config: { events: { connection_string: `memory://hosts/${vhost}` }, tasks: { declare_queues: false } },
      env: {},
    });
    const worker = createWorker({
      ...at('a'),
      config: { events: { connection_string: 'memory://hosts/a' } },
    });
    worker.task('t', () => undefined);
    await worker.start();
    const [a, b] = [await createPublisher(at('a')), await createPublisher(at('b'))];
    try {
      await a.send('t');

      expect(await rejection(b.send('t'))).to.include({ code: 'ERR_TOPOLOGY_MISSING' });
    } finally {
      for (const one of [worker.stop(), a.close(), b.close()]) await one;
    }
  });

  it('keeps no process alive: it ends with its last client, and says what the broker is for', async () => {
    const program = `
      import { createLogger } from '@celeriac/core';
      import { createPublisher } from '@celeriac/publisher';
      const publisher = await createPublisher({
        config: { events: { connection_string: 'memory://' } }, env: {}, logger: createLogger({ format: 'json' }),
      });
      await publisher.send('nobody', [1]);
      await publisher.close();
    `;
    const running = start(process.execPath, ['--input-type=module', '--eval', program], {
      cwd: join(packages, 'testing'),
    });

    expect(await running.exited, running.output()).to.equal(0);
    expect(running.output().split('\n')[0]).to.include('for development and tests');
  });
});

describe('the embedded broker', () => {
  it('does not listen for other machines unless it is told to and has users of its own', async () => {
    const mine = { users: { me: 'hunter2' } };
    for (const options of [{}, { allowRemote: true }, mine]) {
      expect(await rejection(startBroker({ host: '0.0.0.0', ...options }))).to.include({
        code: 'ERR_BIND_REFUSED',
      });
    }
    const broker = await startBroker({ host: '0.0.0.0', allowRemote: true, ...mine });
    expect(broker.url).to.match(/^amqp:\/\/me:hunter2@127\.0\.0\.1:/u);
    await broker.stop();
  });
});

describe('celeriac broker', function () {
  let home: string;
  const running: Running[] = [];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'celeriac-home-'));
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await rm(home, { recursive: true, force: true });
  });
  function celeriac(...args: string[]): Running {
    const child = start(process.execPath, [main, ...args], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home },
    });
    running.push(child);
    return child;
  }

  it('is found by workers and publishers without a connection string, and ends when told to', async () => {
    const handlers = "export const register = (w) => w.task('say', (text) => console.log('SAID ' + text));";
    await writeFile(join(home, 'tasks.mjs'), handlers);
    const broker = celeriac('broker', '--port', '0');
    expect(await broker.line(/celeriac/u)).to.match(/for development and tests: it keeps nothing/u);
    await broker.line(/press Ctrl-C/u);
    const worker = celeriac('worker', '--require', './tasks.mjs', '--log-format', 'text');
    await worker.line(/ready, press/u);
    const sent = celeriac('send', 'say', '--args', '["hello"]');

    expect(await sent.exited, sent.output()).to.equal(0);
    await worker.line(/SAID hello/u);
    expect(await worker.stop()).to.equal(0);
    expect(await broker.stop()).to.equal(0);
    const after = celeriac('config', 'print');
    await after.exited;
    expect(after.output()).to.include('localhost:5672');
  });

  it('says who has its port, and shows no password of its users', async () => {
    const first = celeriac('broker', '--port', '0', '--user', 'me:hunter2');
    const line = await first.line(/listening on/u);
    const port = /:(\d+)\//u.exec(line)?.[1] ?? '';
    await first.line(/press Ctrl-C/u);
    const second = celeriac('broker', '--port', port, '--json');

    expect(await second.exited).to.equal(78);
    expect(JSON.parse(second.output())).to.have.nested.property('error.code', 'ERR_PORT_TAKEN');
    expect(second.output()).to.include('runs already');
    expect(first.output() + second.output()).not.to.include('hunter2');
    const sent = celeriac('send', 'nobody');
    expect(await sent.exited, sent.output()).to.equal(0);
  });

  it('refuses other machines and unknown versions, with exit codes that scripts can tell apart', async () => {
    const remote = celeriac('broker', '--port', '0', '--host', '0.0.0.0');
    const unknown = celeriac('broker', '--profile', '2.8');

    expect([await remote.exited, await unknown.exited]).to.deep.equal([78, 2]);
    expect(unknown.output()).to.include('3.10, 3.13, 4.3');
  });
});
