/** The thread that holds a worker's connections: what crosses it, and what happens when it crashes. */
import { BroadcastChannel } from 'node:worker_threads';

import type { CeleriacError, ConfigInput } from '@celeriac/core';
import { createWorkerOver, currentTask, ThreadSide, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, LineLog, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const crashing = new URL('../support/programs/crashing-io-thread.js', import.meta.url);
const missing = new URL('../support/programs/no-such-file.js', import.meta.url);
const tasks = { default_queue: 'q', queue_type: 'classic' } as const;

/** Over a thread that runs `script`. */
function workerOver(script: URL, config: ConfigInput): Worker & { log: LineLog } {
  const log = new LineLog();
  const options = { config, env: {}, logger: log.logger };
  const worker = createWorkerOver((parts, section) => new ThreadSide(parts, section, script), options);
  return Object.assign(worker, { log });
}

function crash(): void {
  const channel = new BroadcastChannel('crash-io-thread');
  channel.postMessage('now');
  channel.close();
}

describe('the I/O thread', function () {
  before(function () {
    requireRabbit(this);
  });

  it('is started again after a crash: what was in hand comes again, and the worker says so', async () => {
    await using vhost = await Vhost.create();
    await using worker = workerOver(crashing, configFor(vhost.url, { tasks }));
    const finish = gate();
    const runs: { signal: AbortSignal }[] = [];
    const lost: CeleriacError[] = [];
    const restored: number[] = [];
    const settled: string[] = [];
    worker.on('lost', (error) => void lost.push(error));
    worker.on('restored', (generation) => void restored.push(generation));
    worker.on('settled', ({ verdict, redelivered }) => {
      settled.push(`${verdict.kind}${redelivered ? ' redelivered' : ''}`);
    });
    worker.task('slow', async () => {
      const { signal } = currentTask()!;
      runs.push({ signal });
      await finish.opened;
    });
    await worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    await sender.publisher.send('slow');
    await waitFor(() => runs.length === 1, { what: 'the first run' });

    crash();

    const back = () => worker.log.matching(/still runs here/u).length === 1;
    await waitFor(back, { what: 'the message to come back, and to wait for the first run' });
    finish.open();
    await waitFor(() => runs.length === 2, { what: 'the second run' });
    await waitFor(() => settled.length === 3, { what: 'both runs and the count in between' });
    expect(runs[0]?.signal.aborted).to.equal(true);
    expect(settled).to.have.members(['abandon', 'recount redelivered', 'ack redelivered']);
    expect(lost.map(({ code }) => code)).to.deep.equal(['ERR_IO_THREAD']);
    expect(restored).to.deep.equal([1, 2]);
    expect(worker.log.matching(/the I\/O thread ended/u)).to.have.lengthOf(1);
    await worker.stop();
    expect(await vhost.depth('q')).to.equal(0);
  });

  it('that crashes fails what is being published, as not known to be stored', async () => {
    await using vhost = await Vhost.create();
    await using proxy = await TcpProxy.start(vhost.rabbit.port);
    const url = `amqp://guest:guest@127.0.0.1:${proxy.port}/${vhost.name}`;
    await using worker = workerOver(crashing, configFor(url, { tasks }));
    const failures: CeleriacError[] = [];
    worker.task('sends', async () => {
      if (currentTask()!.redelivered) return;
      proxy.hold(); // no confirm arrives
      const sending = rejection(currentTask()!.tasks.send('child', [], { queue: 'other' }));
      crash();
      failures.push(await sending);
      proxy.release();
    });
    await worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));

    await sender.publisher.send('sends');

    await waitFor(() => failures.length === 1, { what: 'the publish to fail' });
    expect(failures.map(({ code, values }) => [code, values.outcome])).to.deep.equal([
      ['ERR_IO_THREAD', 'unknown'],
    ]);
  });

  it('that does not start ends the worker with an error that says what to do', async () => {
    await using vhost = await Vhost.create();
    await using worker = workerOver(missing, configFor(vhost.url, { tasks }));
    worker.task('any', () => undefined);

    const error = await rejection(worker.start());

    expect(error.code).to.equal('ERR_IO_THREAD');
    expect(error.message).to.include('task_handler.io: inline');
  });

  it('carries typed errors of a publish to the handler that sent it', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    for (const queue of ['q', 'q.dead-letter']) await channel.assertQueue(queue);
    await using watched = new WatchedWorker(
      configFor(vhost.url, {
        tasks: { ...tasks, declare_queues: false, delayed_delivery_ahead: false },
        task_handler: { io: 'thread' },
      }),
    );
    const failures: CeleriacError[] = [];
    watched.worker.task('sends', async () => {
      failures.push(await rejection(currentTask()!.tasks.send('child', [], { queue: 'nowhere' })));
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(
      configFor(vhost.url, { tasks: { ...tasks, declare_queues: false } }),
    );

    await sender.publisher.send('sends');

    await watched.untilSettled(1);
    expect(failures.map(({ code }) => code)).to.deep.equal(['ERR_TOPOLOGY_MISSING']);
    expect(failures[0]?.values).to.include({ queue: 'nowhere.dead-letter', replyCode: 404 });
    expect(failures[0]?.hint).to.be.a('string');
  });

  it('refuses what cannot be written before it crosses, and takes what follows', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url, { tasks, task_handler: { io: 'thread' } }));
    const failures: CeleriacError[] = [];
    const sent: string[] = [];
    watched.worker.task('child', () => undefined);
    watched.worker.task('sends', async () => {
      const { tasks: sender } = currentTask()!;
      const headers = { bad: () => 1 };
      failures.push(await rejection(sender.send('child', [], { headers })));
      sent.push((await sender.send('child', [])).id);
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));

    await sender.publisher.send('sends');

    const settled = await watched.untilSettled(2);
    expect(failures.map(({ code }) => code)).to.deep.equal(['ERR_NOT_SERIALIZABLE']);
    expect(settled.filter(({ name }) => name === 'child').map(({ id }) => id)).to.deep.equal(sent);
  });

  it('reaches the embedded broker', async () => {
    const config: ConfigInput = configFor('memory://io-thread', { tasks, task_handler: { io: 'thread' } });
    await using watched = new WatchedWorker(config);
    watched.worker.task('add', (a: number, b: number) => a + b);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);

    await sender.publisher.send('add', [1, 2]);

    const [settled] = await watched.untilSettled(1);
    expect(settled?.outcome).to.deep.equal({ kind: 'succeeded', value: 3 });
  });
});
