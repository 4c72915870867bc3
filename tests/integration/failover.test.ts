/** Brokers that go away: restarts under load, long outages, several addresses. None may lose a confirmed message. */
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { freePorts } from '../support/free-port.js';
import { Rabbit } from '../support/rabbit.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

/** Sends a task every few milliseconds; keeps the ids that were confirmed. */
class Load implements AsyncDisposable {
  readonly confirmed: string[] = [];
  readonly failed: unknown[] = [];
  #on = true;
  #sends: Promise<unknown>[] = [];
  #ended: Promise<void>;

  constructor(sender: WatchedPublisher, everyMs: number) {
    this.#ended = this.#run(sender, everyMs);
  }

  /** Resolves when every send is settled. */
  async stop(): Promise<void> {
    this.#on = false;
    await this.#ended;
    await Promise.all(this.#sends);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run({ publisher }: WatchedPublisher, everyMs: number): Promise<void> {
    for (let n = 0; this.#on; n++) {
      const sent = publisher.send('note', [n]).then(
        ({ id }) => this.confirmed.push(id),
        (error: unknown) => this.failed.push(error),
      );
      this.#sends.push(sent);
      await sleep(everyMs); // the load's pace, not a wait for anything
    }
  }
}

/** A worker whose `note` task does nothing; `ran` has an id per run. */
function noteWorker(url: string): WatchedWorker & { ids: () => string[] } {
  const watched = new WatchedWorker(configFor(url, { task_handler: { concurrency: 2 } }));
  watched.worker.task('note', (n: number) => n);
  const ids = (): string[] => watched.started.map(({ id }) => id);
  return Object.assign(watched, { ids });
}

async function allRan(load: Load, worker: { ids: () => string[] }): Promise<void> {
  await waitFor(
    () => {
      const ran = new Set(worker.ids());
      const missing = load.confirmed.filter((id) => !ran.has(id));
      return missing.length === 0 || Promise.reject(new Error(`${missing.length} confirmed, not run`));
    },
    { what: 'every confirmed task to run', every: 200 },
  );
}

function duplicates(ids: readonly string[]): number {
  return ids.length - new Set(ids).size;
}

describe('a broker that goes away', function () {
  let first: Rabbit;
  let second: Rabbit;
  const nodes: Rabbit[] = [];

  before(async function () {
    requireRabbit(this);
    [first, second] = await Promise.all([Rabbit.start(), Rabbit.start()]);
    nodes.push(first, second);
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  });

  for (const how of ['restart', 'crash'] as const) {
    it(`loses no confirmed task in a ${how} while sending and running`, async () => {
      await using vhost = await Vhost.create(first);
      await using watched = noteWorker(vhost.url);
      await watched.worker.start();
      await using sender = await WatchedPublisher.open(configFor(vhost.url));
      await using load = new Load(sender, 5);
      // RabbitMQ 3.10 forgets a quorum queue that a crash hits within half a second of its declaration (ra's directory).
      await waitFor(() => watched.settled.length > 300);

      if (how === 'restart') await first.restart();
      else await first.crash().then(() => first.up());

      const atRestart = load.confirmed.length;
      await waitFor(() => load.confirmed.length > atRestart + 50, { what: 'confirms after the restart' });
      await load.stop();
      await allRan(load, watched);
      expect(load.failed).to.deep.equal([]);
      expect(watched.lost).to.have.length(1);
      expect(watched.restored).to.deep.equal([1, 2]);
      expect(await vhost.depth('celeriac.dead-letter')).to.equal(0);
      console.log(`      ${load.confirmed.length} confirmed, ${duplicates(watched.ids())} ran twice`);
    });
  }

  it('for longer than several attempts is consumed again, with one lost and one restored event', async () => {
    await using vhost = await Vhost.create(first);
    await using watched = noteWorker(vhost.url);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));
    await sender.publisher.ready();
    const attempts: string[] = [];
    sender.publisher.on('connect-failed', ({ code }) => attempts.push(code));

    await first.down();
    await waitFor(() => attempts.length >= 5, { what: 'five failed attempts' });
    await first.up();
    await sender.publisher.sendMany(
      'note',
      Array.from({ length: 10 }, (_, n) => [n]),
    );

    await watched.untilSettled(10);
    expect(watched.lost).to.have.length(1);
    expect(watched.restored).to.deep.equal([1, 2]);
    expect(new Set(attempts)).to.deep.equal(new Set(['ERR_BROKER_UNREACHABLE']));
    const columns = ['queue_name', 'prefetch_count', '--no-table-headers'];
    const consumers = (await first.ctl('list_consumers', '-p', vhost.name, ...columns)).trim();
    const isOfMonitors = (line: string): boolean => line.includes('.pidbox') || line.startsWith('celeryev.');
    const ofTasks = consumers.split('\n').filter((line) => !isOfMonitors(line));
    expect(ofTasks).to.deep.equal(['celeriac\t2']);
    const connections = await first.connections('vhost');
    expect(connections.filter(({ vhost: name }) => name === vhost.name)).to.have.length(3);
  });

  it('at the first address, which accepts and says nothing, is given up for the second', async () => {
    await using vhost = await Vhost.create(second);
    await using mute = await TcpProxy.start(second.port);
    mute.silence();
    const url = `amqp://guest:guest@127.0.0.1:${mute.port}/${vhost.name};${vhost.url}`;
    const watched = new WatchedWorker(configFor(url, { events: { connect_timeout: '500ms' } }));
    await using _worker = watched;
    watched.worker.task('note', (n: number) => n);

    await watched.worker.start();

    expect(mute.accepted).to.be.within(1, 2);
    const failures = watched.log.matching(/cannot connect/u);
    expect(failures.length).to.be.within(1, 2); // one per connection
    expect(failures[0]).to.have.nested.property('error.code', 'ERR_BROKER_SILENT');
  });

  it('at every address is waited for without a flood of log lines, and the worker starts when one comes up', async () => {
    await using vhost = await Vhost.create(second);
    const [refused] = await freePorts(1);
    await second.down();
    const url = `amqp://guest:guest@127.0.0.1:${refused}//;${vhost.url}`;
    await using watched = noteWorker(url);
    await using sender = await WatchedPublisher.open(configFor(url));
    const attempts: string[] = [];
    sender.publisher.on('connect-failed', ({ code }) => attempts.push(code));
    const startedAt = performance.now();
    const starting = watched.worker.start();
    await waitFor(() => attempts.length >= 12, { what: 'a dozen failed attempts' });
    const seconds = Math.ceil((performance.now() - startedAt) / 1000);

    const lines = watched.log.raw.length + sender.log.raw.length;
    // Three connections, two addresses, each said once and again every ten seconds.
    expect(lines).to.be.at.most(6 * (1 + Math.ceil(seconds / 10)));
    await second.up();
    await starting;
    await sender.publisher.send('note', [1]);
    await watched.untilSettled(1);
  });

  it('is left for the next address under load, and for a third node when both are gone', async () => {
    const [port] = await freePorts(1);
    const vhosts = await Promise.all([Vhost.create(first), Vhost.create(second)]);
    await using one = vhosts[0];
    await using two = vhosts[1];
    const url = `${one.url};amqp://guest:guest@127.0.0.1:${port}//;${two.url}`;
    await using watched = noteWorker(url);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(url));
    await sender.publisher.ready();
    await using load = new Load(sender, 50);
    await waitFor(() => load.confirmed.length > 10);

    const stoppedAt = performance.now();
    await first.down();
    const before = load.confirmed.length;
    await waitFor(() => load.confirmed.length > before + 10, { what: 'confirms of the next node' });
    const took = performance.now() - stoppedAt;
    await load.stop();

    // What was stored on the first node waits there: bring it back for whoever consumes it.
    await first.up();
    const onFirst = new Set(
      (await one.take('celeriac')).map(({ properties }) => String(properties.messageId)),
    );
    await waitFor(
      () => {
        const ran = new Set([...watched.ids(), ...onFirst]);
        return load.confirmed.every((id) => ran.has(id));
      },
      { what: 'every confirmed task to have run or to wait on the first node' },
    );
    expect(load.failed).to.deep.equal([]);
    expect(watched.log.matching(/connection restored/u).at(-1))
      .to.have.property('broker')
      .that.includes(`:${second.port}/`);
    expect(took).to.be.below(30_000);
    console.log(`      on the next node ${(took / 1000).toFixed(1)} s after the stop was asked for`);
  });

  it('rejects a send at its own deadline while no address answers', async () => {
    const [port] = await freePorts(1);
    await using sender = await WatchedPublisher.open(configFor(`amqp://guest:guest@127.0.0.1:${port}//`));

    const error = await rejection(sender.publisher.send('note', [1], { timeout: '300ms' }));

    expect(error).to.have.property('code', 'ERR_PUBLISH_TIMEOUT');
    expect(error.values).to.include({ outcome: 'not-sent' });
    expect(error.cause).to.have.property('code', 'ERR_BROKER_UNREACHABLE');
  });
});
