/** A worker process with child processes: how it ends, how it is killed, and that no child outlives it. */
import { fileURLToPath } from 'node:url';

import { startBroker, type DevBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/pool-worker.js', import.meta.url));
const queue = 'celeriac';

const seen = new Set<number>();

/** The child processes that a worker said it has started. */
function childrenOf(worker: Running): readonly number[] {
  const pids = [...worker.output().matchAll(/"child started".*"child":(\d+)/gu)].map(([, pid]) =>
    Number(pid),
  );
  for (const pid of pids) seen.add(pid);
  return pids;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false; // ESRCH
  }
}

async function allGone(pids: readonly number[]): Promise<void> {
  await waitFor(() => !pids.some(isAlive), { what: 'every child to be gone' });
}

const depth = (broker: DevBroker): number | undefined =>
  broker.queues().find(({ name }) => name === queue)?.messagesReady;

describe('a worker process with child processes', () => {
  afterEach(() => {
    // Where the test fails they would spin for ever.
    for (const pid of seen) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    seen.clear();
  });

  it('leaves no orphan when it is killed, not even one in an endless loop, and its message runs elsewhere', async () => {
    await using broker = await startBroker({ port: 0 });
    const worker = start(process.execPath, [program, broker.url, 'processes']);
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(broker.url));
    const { id } = await sender.publisher.send('spin');
    await worker.line(/PROGRESS spin/u);
    const pids = childrenOf(worker);
    expect(pids).to.have.length(2);
    expect(pids.every(isAlive)).to.equal(true);

    process.kill(worker.pid, 'SIGKILL'); // the worker alone: `worker.kill` would end its group

    expect(await worker.exited).to.equal('SIGKILL');
    await allGone(pids);
    await using other = new WatchedWorker(configFor(broker.url));
    other.worker.task('spin', () => 'done');
    await other.worker.start();
    const [settled] = await other.untilSettled(1);
    expect(settled).to.include({ id, redelivered: true });
  });

  it('lets its children finish when the whole group is told to stop, as a terminal does', async () => {
    await using broker = await startBroker({ port: 0 });
    const worker = start(process.execPath, [program, broker.url, 'processes', '20']);
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(broker.url));
    await sender.publisher.send('slow', [700]);
    await worker.line(/PROGRESS slow/u);

    worker.kill('SIGINT');

    expect(await worker.exited).to.equal(0);
    expect(worker.output()).to.match(/"done".*"slow"/u);
    await allGone(childrenOf(worker));
    expect(depth(broker)).to.equal(0);
  });

  for (const pool of ['threads', 'processes'] as const) {
    it(`kills ${pool} that heed nothing once the grace is over, exits with 75, and gives the message back`, async () => {
      await using broker = await startBroker({ port: 0 });
      const worker = start(process.execPath, [program, broker.url, pool, '0.3']);
      await worker.line(/READY/u);
      await using sender = await WatchedPublisher.open(configFor(broker.url));
      await sender.publisher.send('spin');
      await worker.line(/PROGRESS spin/u);

      worker.kill('SIGTERM');

      expect(await worker.exited).to.equal(75);
      if (pool === 'processes') await allGone(childrenOf(worker));
      await waitFor(() => depth(broker) === 1, { what: 'the message to be back' });
    });
  }
});
