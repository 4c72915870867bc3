/**
 * What users of other queues reported, on a real RabbitMQ: a worker that holds what another could run, a stop that loses
 * or repeats work, a timed-out message that vanishes, memory that grows while the broker is away, retries that end
 * after the first, and contexts that mix.
 */
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/ops-worker.js', import.meta.url));
const handlers = new URL('../support/programs/pool-tasks.js', import.meta.url);
const tasks = { default_queue: 'q' } as const;

describe('as users of other queues reported:', function () {
  before(function () {
    requireRabbit(this);
  });

  it('a short task does not wait behind a long one while another worker is idle', async () => {
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, { tasks, task_handler: { concurrency: 1 } });
    await using busy = new WatchedWorker(config);
    await using idle = new WatchedWorker(config);
    const finish = gate();
    for (const { worker } of [busy, idle]) {
      worker.task('long', () => finish.opened);
      worker.task('short', () => undefined);
    }
    await using sender = await WatchedPublisher.open(config);
    await busy.worker.start();
    await sender.publisher.send('long');
    await waitFor(() => busy.started.length === 1, { what: 'the long task to run' });
    await idle.worker.start();

    for (let n = 0; n < 5; n++) await sender.publisher.send('short');

    await idle.untilSettled(5);
    expect(busy.settled).to.deep.equal([]);
    expect(busy.worker.health()?.inHand).to.equal(1);
    await waitFor(async () => (await vhost.unacknowledged('q')) === 1, {
      what: 'one unacknowledged message',
    });
    finish.open();
    await busy.untilSettled(1);
  });

  it('a worker that is told to stop starts nothing more, ends what runs, and leaves the rest in the queue', async () => {
    await using vhost = await Vhost.create();
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-stop-'));
    const file = join(directory, 'go');
    const options = { tasks, task_handler: { concurrency: 4, shutdown_grace: '60s' } };
    const worker = start(process.execPath, [program, vhost.url, JSON.stringify(options)]);
    try {
      await worker.line(/READY/u);
      await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
      const inputs = Array.from({ length: 24 }, () => [file]);
      await sender.publisher.sendMany('held', inputs);
      const started = (): number => worker.output().match(/HELD started/gu)?.length ?? 0;
      await waitFor(() => started() === 4, { what: 'four tasks to run' });

      worker.kill('SIGTERM');
      await worker.line(/"draining"/u);
      await waitFor(async () => (await vhost.depth('q')) === 20);
      await writeFile(file, '');

      expect(await worker.exited).to.equal(0);
      expect(started()).to.equal(4);
      expect(worker.output().match(/SETTLED succeeded/gu)).to.have.length(4);
      expect(await vhost.depth('q')).to.equal(20);
      expect(await vhost.unacknowledged('q')).to.equal(0);
      const left = await vhost.take('q');
      expect(left.some(({ fields }) => fields.redelivered)).to.equal(false);
    } finally {
      worker.kill('SIGKILL');
      await worker.exited;
      await rm(directory, { recursive: true });
    }
  });

  it('a task whose time is over is a dead letter after its attempts, not acknowledged as done', async () => {
    await using vhost = await Vhost.create();
    const handler = { pool: 'threads', hard_time_limit: '0.5s', concurrency: 1 } as const;
    const retry = { max: 1, delay: '10ms', backoff: 'fixed' } as const;
    const config = configFor(vhost.url, { tasks, task_handler: { ...handler, retry } });
    await using watched = new WatchedWorker(config, { handlers });
    await using sender = await WatchedPublisher.open(config);
    const { id } = await sender.publisher.send('spin');
    await watched.worker.start();

    const settled = await watched.untilSettled(2);

    expect(settled.map(({ outcome, verdict }) => [outcome.kind, verdict.kind])).to.deep.equal([
      ['timedOut', 'retry'],
      ['timedOut', 'deadLetter'],
    ]);
    const letters = await vhost.take('q.dead-letter');
    expect(letters).to.have.length(1);
    expect(letters[0]?.properties.headers).to.include({
      id,
      'celeriac-reason': 'timed-out',
      'celeriac-attempts': 2,
    });
    expect(await vhost.depth('q')).to.equal(0);
  });

  it('what is published while the broker is away is bounded in memory, and goes out in order, once', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    proxy.silence();
    const url = vhost.url.replace(`:${vhost.rabbit.port}/`, `:${proxy.port}/`);
    await using client = await WatchedPublisher.open(
      configFor(url, { events: { connect_timeout: '1s' }, tasks: { ...tasks, publish_timeout: '5m' } }),
    );
    const before = process.memoryUsage().rss;
    const text = 'x'.repeat(1000);
    const codes = new Map<unknown, number>();
    const count = (outcome: unknown): void => void codes.set(outcome, (codes.get(outcome) ?? 0) + 1);

    const all = Array.from({ length: 30_000 }, (_, index) =>
      client.publisher.send('late', [index, text]).then(
        () => count('sent'),
        (error: unknown) => count((error as { code: string }).code),
      ),
    );
    await waitFor(() => (codes.get('ERR_PUBLISH_BACKPRESSURE') ?? 0) === 20_000, {
      what: 'those beyond the bound to be refused',
    });

    expect(process.memoryUsage().rss - before).to.be.below(150 * 2 ** 20);
    proxy.silence(false);
    proxy.reset();
    await Promise.all(all);
    expect(Object.fromEntries(codes)).to.deep.equal({ sent: 10_000, ERR_PUBLISH_BACKPRESSURE: 20_000 });
    const numbers = await allNumbers(vhost, 10_000);
    expect(numbers).to.deep.equal(Array.from({ length: 10_000 }, (_, index) => index));
    expect(await vhost.depth('q')).to.equal(0);
  });

  it('a task on a quorum queue is retried as often as it asks, with nothing of earlier ways in its headers', async () => {
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, { tasks });
    await using watched = new WatchedWorker(config);
    const broken: string[] = [];
    watched.worker.task(
      'stubborn',
      () => {
        const { attempt, message } = currentTask() as TaskContext;
        broken.push(...Object.keys(message.headers).filter((name) => name.startsWith('x-')));
        if (attempt <= 10) throw new Error('not yet');
      },
      { retry: { max: 10, delay: '10ms', backoff: 'fixed' } },
    );
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);

    const { id } = await sender.publisher.send('stubborn');
    await waitFor(() => watched.settled.some(({ verdict }) => verdict.kind === 'ack'), {
      what: 'it to be done',
    });

    expect(watched.started.map((one) => [one.id, one.attempt])).to.deep.equal(
      Array.from({ length: 11 }, (_, index) => [id, index + 1]),
    );
    expect(broken).to.deep.equal([]);
  });

  it('each of many tasks at once sees its own context, in its log lines and its children too', async () => {
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, { tasks, task_handler: { concurrency: 20 } });
    await using watched = new WatchedWorker(config);
    const wrong: string[] = [];
    const children = new Map<string, { readonly parent: string | undefined; readonly root: string }>();
    const hop = new EventEmitter().setMaxListeners(0);
    watched.worker.task('parent', async (n: number) => {
      const mine = currentTask()!;
      const check = (where: string): void => {
        if (currentTask()?.id !== mine.id) wrong.push(`${where} of ${n}`);
      };
      await sleep((n * 7) % 5);
      check('after a timer');
      const arrived = once(hop, mine.id);
      setImmediate(() => hop.emit(mine.id));
      await arrived;
      check('after an event');
      await Promise.all([Promise.resolve(), sleep(1)]);
      mine.logger.info('a line of a parent');
      await currentTask()!.tasks.send('child', [mine.id]);
      check('after a send');
    });
    watched.worker.task('child', (of: string) => {
      const { message } = currentTask() as TaskContext;
      children.set(of, { parent: message.parentId, root: message.rootId });
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    const sent = await sender.publisher.sendMany(
      'parent',
      Array.from({ length: 200 }, (_, n) => [n]),
    );

    await watched.untilSettled(400);

    expect(wrong).to.deep.equal([]);
    expect(children.size).to.equal(200);
    for (const { id } of sent) expect(children.get(id)).to.deep.equal({ parent: id, root: id });
    const lines = watched.log.matching(/a line of a parent/u).map((line) => line.id);
    expect(new Set(lines)).to.deep.equal(new Set(sent.map(({ id }) => id)));
  });
});

/** The first argument of every task in the queue, in order. */
async function allNumbers(vhost: Vhost, count: number): Promise<readonly number[]> {
  const channel = await (await vhost.raw()).createChannel();
  const numbers: number[] = [];
  await channel.consume(
    'q',
    (message) => {
      if (message === null) return;
      const [[number]] = JSON.parse(message.content.toString()) as [[number]];
      numbers.push(number);
    },
    { noAck: true },
  );
  await waitFor(() => numbers.length >= count, { what: `${count} messages` });
  await channel.close();
  return numbers;
}
