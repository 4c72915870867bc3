/** Tasks that go on from a checkpoint: in every pool, over a crash, and when the worker stops. */
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBroker } from '@celeriac/dev-broker';
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Scene } from '../support/pool-scene.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

for (const pool of ['inline', 'threads', 'processes'] as const) {
  describe(`a task with checkpoints (${pool})`, () => {
    it('goes on in other deliveries with what it kept, and none of them counts as a retry', async () => {
      await using scene = await Scene.open({ pool, max_crashes: 1, delivery_limit: 1 });
      const id = await scene.send('chain', [3], { headers: { own: 'kept' } });
      const settled = await waitFor(
        () => scene.watched.settled.filter((one) => one.id === id).length === 4 && scene.watched.settled,
        { what: 'four runs' },
      );

      expect(settled.map(({ outcome }) => outcome.kind)).to.deep.equal([
        'checkpointed',
        'checkpointed',
        'checkpointed',
        'succeeded',
      ]);
      expect(settled.at(-1)?.outcome).to.deep.include({
        value: { n: String(2n ** 60n + 3n), attempt: 1, number: 3 },
      });
      expect(settled.every(({ redelivered }) => !redelivered)).to.equal(true);
      expect(scene.watched.worker.deliveries()).to.deep.equal({ settled: 4, abandoned: 0, continued: 3 });
      expect(scene.broker.messages('celeriac')).to.deep.equal([]);
    });
  });
}

describe('a checkpoint', () => {
  it('waits in the broker where it is told to, outlives the expiry, and what is too large is refused', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url);
    await using watched = new WatchedWorker(config);
    const refused: unknown[] = [];
    watched.worker.task('poll', () => {
      const task = currentTask() as TaskContext;
      if (task.checkpointState !== undefined) return task.checkpointState;
      try {
        task.checkpoint('x'.repeat(40_000));
      } catch (error) {
        refused.push((error as { code?: string }).code);
      }
      return task.checkpoint('asked', { delay: '2s' });
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.send('poll', [], { expires: '1s' });

    const [first, second] = await watched.untilSettled(2);
    expect(refused).to.deep.equal(['ERR_MESSAGE_TOO_LARGE']);
    expect(first?.verdict).to.deep.equal({ kind: 'continue', state: '"asked"', delayMs: 2000 });
    expect(second?.outcome).to.deep.equal({ kind: 'succeeded', value: 'asked' });
  });

  it('is what a handler can do when the worker stops', async () => {
    await using broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, { tasks: { default_queue: 'q' } });
    await using watched = new WatchedWorker(config);
    const { opened, open } = gate();
    watched.worker.task('long', async () => {
      const task = currentTask() as TaskContext;
      open();
      await new Promise((resolve) => task.signal.addEventListener('abort', resolve));
      task.checkpoint({ page: 7 });
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.send('long');
    await opened;

    await watched.worker.stop({ grace: 0 });

    expect(watched.settled.map(({ verdict }) => verdict.kind)).to.deep.equal(['continue']);
    const [copy, ...others] = broker.messages('q');
    expect(others).to.deep.equal([]);
    expect(copy?.properties.headers).to.include({
      'celeriac-checkpoint': '{"page":7}',
      'celeriac-checkpoints': 1,
      retries: 0,
    });
  });
});

describe('a worker that is killed between checkpoints', function () {
  const program = fileURLToPath(new URL('../support/programs/walking-worker.js', import.meta.url));

  before(function () {
    requireRabbit(this);
  });

  for (const where of ['in:2', 'after:1']) {
    it(`goes on from the last one (${where === 'in:2' ? 'in the middle of a run' : 'before an acknowledgement'})`, async () => {
      await using vhost = await Vhost.create();
      const tasks = { default_queue: 'q', delayed_delivery_ahead: false };
      await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
      await sender.publisher.send('walk', [3]);
      const file = join(await mkdtemp(join(tmpdir(), 'walk-')), 'steps');
      const steps = async (): Promise<string[]> => (await readFile(file, 'utf8')).trim().split('\n');

      await start('node', [program, vhost.url, file, where]).exited;
      const before = await steps();
      const second = start('node', [program, vhost.url, file]);
      await waitFor(async () => (await steps()).includes('3') && (await vhost.depth('q')) === 0, {
        what: 'the last step',
      });
      await second.stop();

      const after = (await steps()).slice(before.length).map((line) => Number(line[0]));
      // Its continuation may have come to this worker before it died.
      const done = before.map((line) => Number(line[0])).slice(0, where === 'in:2' ? 3 : 2);
      expect(done).to.deep.equal(where === 'in:2' ? [0, 1, 2] : [0, 1]);
      // The step whose acknowledgement was not written is done twice, and its continuation with it; none before it.
      expect(Math.min(...after)).to.equal(1);
      expect(new Set(after)).to.deep.equal(new Set([1, 2, 3]));
      expect(after.length).to.be.at.most(6);
    });
  }
});
