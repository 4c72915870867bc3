/** How a connection is made, and what is said when it cannot be. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { createPublisher } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, sharedRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { freePorts } from '../support/free-port.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const run = promisify(execFile);

/** The document of the mission, but for the address. */
function missionYaml(url: string): string {
  return `events:
  connection_string: ${url}
  consumer_heartbeat: 15
  tcp_keepalive_timeout: 120
`;
}

/** Idle seconds of the keepalive timers of this process's sockets to `port`, as the kernel tells. */
async function keepaliveTimers(port: number): Promise<number[]> {
  const { stdout } = await run('ss', ['-tnop', 'state', 'established', 'dport', '=', `:${port}`]);
  return stdout
    .split('\n')
    .filter((line) => line.includes(`pid=${process.pid},`))
    .map((line) => /timer:\(keepalive,(?:(\d+)min)?(?:([\d.]+)sec)?/u.exec(line))
    .filter((match) => match !== null)
    .map(([, minutes, seconds]) => Number(minutes ?? 0) * 60 + Number(seconds ?? 0));
}

describe('connecting', function () {
  before(function () {
    requireRabbit(this);
  });

  it("takes heartbeat, TCP keepalive and the connection's name from the mission's file", async () => {
    await using vhost = await Vhost.create();
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-test-'));
    try {
      const file = join(directory, 'celeriac.yaml');
      await writeFile(file, missionYaml(vhost.url));
      await using watched = new WatchedWorker(file);
      watched.worker.task('add', (a: number, b: number) => a + b);
      await watched.worker.start();
      await using sender = await WatchedPublisher.open(file);
      await sender.publisher.ready();
      await sender.publisher.send('add', [1, 2]);
      await watched.untilSettled(1);

      const connections = await vhost.rabbit.connections('vhost', 'timeout', 'client_properties');

      const ours = connections.filter(({ vhost: name }) => name === vhost.name);
      const consuming = ours.filter((one) => / worker \(/u.test(one.client_properties ?? ''));
      expect(consuming.map(({ timeout }) => timeout)).to.deep.equal(['15']);
      expect(consuming[0]?.client_properties).to.include(`worker (${process.pid}@`);
      expect(ours.filter((one) => / publisher \(/u.test(one.client_properties ?? ''))).to.have.length(2);
      if (process.platform !== 'linux') return;
      // Our three sockets; while a packet is under way another timer is shown.
      const timers = await waitFor(async () => {
        const found = await keepaliveTimers(vhost.rabbit.port);
        return found.length >= 3 && found;
      });
      for (const idle of timers) expect(idle).to.be.within(1, 120);
      expect(Math.max(...timers)).to.be.above(60);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('notices a peer that went silent by its heartbeats, and runs what waits over a new connection', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    const url = vhost.url.replace(`:${vhost.rabbit.port}/`, `:${proxy.port}/`);
    await using watched = new WatchedWorker(
      configFor(url, { events: { consumer_heartbeat: 2, publisher_heartbeat: 2 } }),
    );
    watched.worker.task('add', (a: number, b: number) => a + b);
    await watched.worker.start();
    const before = proxy.accepted;
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.send('add', [0, 0]);
    await watched.untilSettled(1);

    proxy.hold();
    const heldAt = performance.now();
    proxy.release(); // new connections work
    await sender.publisher.sendMany('add', [
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    await waitFor(() => watched.lost.length === 1, { what: 'the loss to be noticed', within: 30_000 });
    const noticedAfter = performance.now() - heldAt;
    await watched.untilSettled(4);

    console.log(`      noticed after ${(noticedAfter / 1000).toFixed(1)} s, heartbeat 2 s`);
    expect(noticedAfter).to.be.below(6_000 + 4_000); // three heartbeats, and a slow machine
    expect(proxy.accepted).to.be.above(before);
    expect(watched.restored).to.deep.equal([1, 2]);
    expect(watched.lost[0]?.code).to.equal('ERR_CONNECTION_LOST');
  });

  it('keeps one consumer per queue, its prefetch and no stray connection after five forced closes', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(
      configFor(vhost.url, { task_handler: { queues: ['q1', 'q2'], concurrency: 2, prefetch_count: 3 } }),
    );
    watched.worker.task('add', (a: number, b: number) => a + b);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.ready();
    const connectionsBefore = (await vhost.rabbit.connections('vhost')).filter(
      (one) => one.vhost === vhost.name,
    );

    await vhost.rabbit.closeConnectionsRepeatedly(5, 500);
    for (const queue of ['q1', 'q2']) {
      await sender.publisher.sendMany(
        'add',
        Array.from({ length: 50 }, (_, n) => [n, 1]),
        { queue },
      );
    }

    await watched.untilSettled(100);
    expect(watched.settled.every(({ outcome }) => outcome.kind === 'succeeded')).to.equal(true);
    const consumers = (
      await vhost.rabbit.ctl(
        'list_consumers',
        '-p',
        vhost.name,
        'queue_name',
        'prefetch_count',
        '--no-table-headers',
      )
    )
      .trim()
      .split('\n')
      .map((line) => line.replace(/^.*(?=celery\.pidbox)|(?<=^celeryev)\.[^\t]+/u, '')) // remote control, gossip
      .sort();
    expect(consumers).to.deep.equal(['celery.pidbox\t8', 'celeryev\t50', 'q1\t3', 'q2\t3']);
    const connectionsAfter = (await vhost.rabbit.connections('vhost')).filter(
      (one) => one.vhost === vhost.name,
    );
    expect(connectionsAfter).to.have.length(connectionsBefore.length);
    expect(watched.lost.length).to.be.within(1, 5);
    expect(watched.restored).to.have.length(watched.lost.length + 1);
  });

  it('without heartbeats warns that silent peers go unnoticed, and has TCP keepalive on by default', async function () {
    if (process.platform !== 'linux') return this.skip();
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(
      configFor(vhost.url, { events: { consumer_heartbeat: 0, publisher_heartbeat: 0 } }),
    );
    watched.worker.task('add', () => 0);

    await watched.worker.start();

    const warnings = watched.log.lines.filter(
      ({ level, message }) => level === 'warn' && /heartbeat/u.test(message),
    );
    expect(warnings.length).to.be.above(0);
    const timers = await waitFor(async () => {
      const found = await keepaliveTimers(vhost.rabbit.port);
      return found.length >= 2 && found;
    });
    expect(timers.every((idle) => idle <= 60)).to.equal(true);
  });

  it('refused for a wrong password says which user and what to check, and never shows the password', async () => {
    const rabbit = await sharedRabbit();
    const url = rabbit.urlFor({ password: 'canary-5ecret' });
    await using sender = await WatchedPublisher.open(configFor(url));

    const error = await rejection(sender.publisher.ready({ timeout: 30 }));

    expect(error).to.have.property('code', 'ERR_ACCESS_REFUSED');
    expect(error.message).to.match(/refused the user 'guest'.*Check user and password/u);
    expect(JSON.stringify([error, error.stack, sender.log.raw])).not.to.include('canary-5ecret');
  });

  it('refused for a virtual host that does not exist names it and where to look', async () => {
    const rabbit = await sharedRabbit();
    await using watched = new WatchedWorker(configFor(rabbit.urlFor({ vhost: 'nowhere' })));
    watched.worker.task('add', () => 0);

    const error = await rejection(watched.worker.start());

    expect(error).to.have.property('code', 'ERR_VHOST_REFUSED');
    expect(error.message).to.match(/virtual host 'nowhere'.*list_vhosts/u);
  });

  it('to a port where nothing listens fails at the timeout of ready, with the address and a next step', async () => {
    const [port] = await freePorts(1);
    await using sender = await WatchedPublisher.open(configFor(`amqp://guest:guest@127.0.0.1:${port}//`));

    const error = await rejection(sender.publisher.ready({ timeout: '500ms' }));

    expect(error).to.have.property('code', 'ERR_BROKER_UNREACHABLE');
    expect(error.message).to.match(
      new RegExp(`127\\.0\\.0\\.1:${port}.*nothing listens.*Check host and port`, 'u'),
    );
    expect(error).to.have.property('retryable', true);
  });

  it('with a connection string that is none fails before anything is connected', async () => {
    const error = await rejection(createPublisher({ config: configFor('http://localhost'), env: {} }));

    expect(error.code).to.match(/^ERR_(CONNECTION_STRING|CONFIG_INVALID)$/u);
  });
});
