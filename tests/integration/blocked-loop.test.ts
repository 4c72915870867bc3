/** Handlers that block the event loop: they are named. (Source of the cases: amqplib #261, bullmq #3056.) */
import { fileURLToPath } from 'node:url';

import type { ConfigInput } from '@celeriac/core';
import type { LoopBlocked } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';

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
});
