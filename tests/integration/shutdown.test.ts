/** How a worker process ends: what is running ends, what is not goes back, and the exit code tells which. */
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { requireRabbit, sharedRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/worker.js', import.meta.url));
const tasks = { default_queue: 'q', queue_type: 'classic' } as const;

function startWorker(url: string, { grace = 5, concurrency = 1 } = {}): Running {
  return start(process.execPath, [program, url, String(grace), String(concurrency)]);
}

describe('a worker process', function () {
  before(function () {
    requireRabbit(this);
  });

  it('that is told to stop ends what runs, gives back what it had prefetched, and exits with 0', async () => {
    await using vhost = await Vhost.create();
    const worker = startWorker(vhost.url);
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    await sender.publisher.send('slow', [1500]);
    await worker.line(/SLOW started/u);
    for (let n = 0; n < 4; n++) await sender.publisher.send('quick');
    await waitFor(async () => (await vhost.depth('q')) === 0, { what: 'all to be prefetched' });

    worker.kill('SIGTERM');

    expect(await worker.exited).to.equal(0);
    expect(worker.output()).to.include('SLOW done').and.not.to.include('QUICK');
    const back = await vhost.take('q');
    expect(back.map(({ properties }) => properties.headers?.task as string)).to.deep.equal(
      Array(4).fill('quick'),
    );
    expect(await vhost.depth('q.dead-letter')).to.equal(0);
  });

  it('tells its handlers when the grace is over, exits with 75, and the message runs elsewhere', async () => {
    await using vhost = await Vhost.create();
    const worker = startWorker(vhost.url, { grace: 0.3 });
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    const { id } = await sender.publisher.send('heeding');
    await worker.line(/HEEDING started/u);

    worker.kill('SIGTERM');

    expect(await worker.exited).to.equal(75);
    expect(worker.output()).to.include('HEEDING told ERR_WORKER_STOPPING');
    await using other = new WatchedWorker(configFor(vhost.url, { tasks }));
    other.worker.task('heeding', () => undefined);
    await other.worker.start();
    // Beside it, and before or after, that it was counted: a classic queue does not.
    const done = () => other.settled.find(({ outcome }) => outcome.kind === 'succeeded');
    const settled = await waitFor(done, { what: 'the message to run elsewhere' });
    expect(settled).to.include({ id, redelivered: true });
  });

  it('with a handler that does not heed its signal exits with 75 all the same, and loses nothing', async () => {
    await using vhost = await Vhost.create();
    const worker = startWorker(vhost.url, { grace: 0.3 });
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    await sender.publisher.send('deaf');
    await worker.line(/DEAF started/u);
    const stoppedAt = performance.now();

    worker.kill('SIGTERM');

    expect(await worker.exited).to.equal(75);
    expect(performance.now() - stoppedAt).to.be.below(15_000);
    expect(await waitFor(async () => (await vhost.depth('q')) === 1)).to.equal(true);
  });

  it('ends at once with 128 + 15 on a second SIGTERM, and what it had goes back', async () => {
    await using vhost = await Vhost.create();
    const worker = startWorker(vhost.url, { grace: 60 });
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    await sender.publisher.send('deaf');
    await worker.line(/DEAF started/u);
    worker.kill('SIGTERM');
    await worker.line(/"stopping"/u);

    worker.kill('SIGTERM');

    expect(await worker.exited).to.equal(143);
    expect(await waitFor(async () => (await vhost.depth('q')) === 1)).to.equal(true);
  });

  it('that is killed loses nothing: its message runs elsewhere, marked as redelivered', async () => {
    await using vhost = await Vhost.create();
    const worker = startWorker(vhost.url);
    await worker.line(/READY/u);
    await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
    const { id } = await sender.publisher.send('heeding');
    await worker.line(/HEEDING started/u);

    worker.kill('SIGKILL');

    expect(await worker.exited).to.equal('SIGKILL');
    await using other = new WatchedWorker(configFor(vhost.url, { tasks }));
    other.worker.task('heeding', () => undefined);
    await other.worker.start();
    const [settled] = await other.untilSettled(1);
    expect(settled).to.include({ id, redelivered: true });
  });

  it('exits with 78 for a wrong password, and keeps trying where nothing listens yet', async () => {
    const rabbit = await sharedRabbit();
    const refused = startWorker(rabbit.urlFor({ password: 'canary-5ecret' }));
    const waiting = startWorker('amqp://guest:canary-5ecret@127.0.0.1:1//');

    expect(await refused.exited).to.equal(78);
    await waiting.line(/cannot connect, trying on/u);
    waiting.kill('SIGTERM');

    expect(await waiting.exited).to.equal(0);
    expect(refused.output()).to.include('ERR_ACCESS_REFUSED').and.to.include('Check user and password');
    expect(refused.output() + waiting.output()).not.to.include('canary-5ecret');
  });
});
