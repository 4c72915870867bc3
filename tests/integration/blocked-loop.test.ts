/** Handlers that block the event loop: they are named, and cost no connection. (Source of the cases: amqplib #261, bullmq #3056.) */
import { fileURLToPath } from 'node:url';

import type { ConfigInput } from '@celeriac/core';
import type { LoopBlocked } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/blocking-worker.js', import.meta.url));
const tasks = { default_queue: 'q', queue_type: 'classic' } as const;

/** A worker process that is consuming, stopped when disposed of. */
async function startWorker(
  url: string,
  taskHandler: ConfigInput['task_handler'] = {},
): Promise<Running & AsyncDisposable> {
  const worker = start(process.execPath, [program, url, JSON.stringify(taskHandler)]);
  await worker.line(/READY/u);
  return { ...worker, [Symbol.asyncDispose]: () => worker.stop().then(() => undefined) };
}

function senderTo(vhost: Vhost): Promise<WatchedPublisher> {
  return WatchedPublisher.open(configFor(vhost.url, { tasks }));
}

async function blocked(worker: Running): Promise<LoopBlocked> {
  const line = await worker.line(/^BLOCKED/u);
  return JSON.parse(line.slice('BLOCKED '.length)) as LoopBlocked;
}

function generations(worker: Running): readonly string[] {
  return worker.output().match(/^RESTORED \d+$/gmu) ?? [];
}

function begun(worker: Running, id: string): number {
  return worker
    .output()
    .split('\n')
    .filter((line) => line === `BEGUN ${id}`).length;
}

function settled(worker: Running): number {
  return worker.output().match(/^SETTLED/gmu)?.length ?? 0;
}

describe('a handler that blocks the event loop', function () {
  before(function () {
    requireRabbit(this);
  });

  it('is named in the log, with its id and for how long', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url);
    await using sender = await senderTo(vhost);

    const { id } = await sender.publisher.send('block', [1600]);

    const line = JSON.parse(await worker.line(/"the event loop was blocked"/u)) as Record<string, unknown>;
    expect(line).to.include({ level: 'warn', name: 'block', id, certain: true, count: 1 });
    expect(line.ms).to.be.within(1000, 10_000);
    expect(await blocked(worker)).to.deep.include({ handlers: [{ id, name: 'block' }], certain: true });
  });

  it('is named when it does so after an await', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url);
    await using sender = await senderTo(vhost);

    const { id } = await sender.publisher.send('block-later', [1600]);

    expect(await blocked(worker)).to.deep.include({
      handlers: [{ id, name: 'block-later' }],
      certain: false,
    });
  });

  it('is named on standard error while it still does, once that would cost a connection', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url);
    await using sender = await senderTo(vhost);

    const { id } = await sender.publisher.send('block', [6000]);

    const line = JSON.parse(await worker.line(/"the event loop is blocked"/u)) as Record<string, unknown>;
    expect(line).to.include({ level: 'error', handler: `block ${id}` });
    expect(worker.output()).not.to.match(/^SETTLED/mu);
    await worker.line(/^SETTLED/u);
  });

  it('keeps its connection, and what it acknowledges afterwards is acknowledged', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url, { concurrency: 2 });
    await using sender = await senderTo(vhost);

    const { id } = await sender.publisher.send('block', [8000]);
    for (let n = 0; n < 5; n++) await sender.publisher.send('quick');

    await worker.line(new RegExp(`^SETTLED ${id} ack$`, 'u'));
    await waitFor(() => settled(worker) === 6, { what: 'all six' });
    expect(begun(worker, id)).to.equal(1);
    expect(generations(worker)).to.deep.equal(['RESTORED 1']);
    expect(worker.output()).to.not.match(/^LOST|redelivered/mu);
    expect(await worker.stop()).to.equal(0);
    expect(await vhost.depth('q')).to.equal(0);
  });

  it('acknowledges nothing when its connection was lost and restored in the meantime', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url, { concurrency: 1 });
    await using sender = await senderTo(vhost);
    const { id } = await sender.publisher.send('block', [8000]);
    await worker.line(new RegExp(`^BEGUN ${id}$`, 'u'));

    await vhost.rabbit.closeConnections();
    await waitFor(async () => (await vhost.consumers('q')) === 1, { what: 'the queue to be consumed again' });
    expect(settled(worker), 'the premise: it blocks still').to.equal(0);

    await worker.line(new RegExp(`^SETTLED ${id} abandon$`, 'u'));
    await worker.line(new RegExp(`^SETTLED ${id} recount redelivered$`, 'u')); // the broker gave it again
    await worker.line(new RegExp(`^SETTLED ${id} ack redelivered$`, 'u'));
    expect(begun(worker, id)).to.equal(2);
    expect(generations(worker)).to.deep.equal(['RESTORED 1', 'RESTORED 2']);
    expect(await worker.stop()).to.equal(0);
    expect(await vhost.depth('q')).to.equal(0);
  });

  it('costs the connection where connections live on its thread, and the message comes again', async () => {
    await using vhost = await Vhost.create();
    await using worker = await startWorker(vhost.url, { io: 'inline', concurrency: 2 });
    await using sender = await senderTo(vhost);

    const { id } = await sender.publisher.send('block', [8000]);
    await sender.publisher.send('quick');

    await worker.line(/^LOST/mu);
    await worker.line(/^RESTORED 2/mu);
    await waitFor(() => begun(worker, id) === 2, { what: 'the second run' });
    worker.kill('SIGKILL');
  });

  it('does not keep back what was acknowledged before it, in the same turn', async () => {
    await using vhost = await Vhost.create();
    await using sender = await senderTo(vhost);
    for (let n = 0; n < 5; n++) await sender.publisher.send('quick');
    await sender.publisher.send('block', [600_000]);
    const oneByOne = { concurrency: 1, prefetch_count: 10 }; // all in one turn, none waits for the network

    const worker = start(process.execPath, [program, vhost.url, JSON.stringify(oneByOne)]);

    await worker.line(/^BEGUN/mu);
    // The last quick one may give up its place before it is acknowledged.
    await waitFor(async () => (await vhost.unacknowledged('q')) <= 2, { what: 'four acknowledgements' });
    worker.kill('SIGKILL');
    await worker.exited;
  });
});
