/** Messages that end the process that runs them, and those that only happen to be in hand when it ends. */
import { fileURLToPath } from 'node:url';

import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/poisoned-worker.js', import.meta.url));

const good = ['a', 'b', 'c', 'd', 'e'];

for (const type of ['classic', 'quorum'] as const) {
  describe(`a task that ends its process, on a ${type} queue`, function () {
    before(function () {
      requireRabbit(this);
    });

    it('is dead-lettered after the limit, and the others come to their end (K07-2)', async () => {
      await using vhost = await Vhost.create();
      const tasks = { default_queue: 'q', queue_type: type, delayed_delivery_ahead: false };
      await using sender = await WatchedPublisher.open(configFor(vhost.url, { tasks }));
      await sender.publisher.send('poison', [], { id: 'poison', timeout: '60s' });
      await sender.publisher.sendMany(
        'good',
        good.map((id) => [id]),
      );
      let output = '';
      let runs = 0;
      for (;;) {
        // A supervisor that starts it again and again.
        const worker = start('node', [program, vhost.url, type, '2']);
        const done = waitFor(async () => (await vhost.depth('q.dead-letter')) > 0, {
          what: 'the dead letter',
        });
        const ended = await Promise.race([worker.exited, done.then(() => 'done' as const)]);
        if (ended === 'done') {
          const said = (id: string): boolean => (output + worker.output()).includes(`GOOD ${id}`);
          await waitFor(() => good.every(said), { what: 'the others to be done' });
          await worker.stop();
          output += worker.output();
          break;
        }
        done.catch(() => undefined);
        output += worker.output();
        expect(++runs, output).to.be.lessThan(6);
      }

      expect(output.match(/POISONED/gu)).to.have.length(3);
      const [letter, ...others] = await vhost.take('q.dead-letter');
      expect(others).to.deep.equal([]);
      expect(letter?.properties).to.include({ messageId: 'poison' });
      expect(letter?.properties.headers).to.include({
        'celeriac-reason': 'delivery-limit',
        'celeriac-error-type': 'ERR_DELIVERY_LIMIT',
      });
    });
  });

  describe(`a message in hand, on a ${type} queue`, function () {
    before(function () {
      requireRabbit(this);
    });

    it('outlives more restarts of workers than its limit of deliveries', async () => {
      await using vhost = await Vhost.create();
      const config = configFor(vhost.url, {
        tasks: { default_queue: 'q', queue_type: type, delayed_delivery_ahead: false },
        task_handler: { concurrency: 2, delivery_limit: 6, shutdown_grace: 0 },
      });
      await using sender = await WatchedPublisher.open(config);
      await sender.publisher.sendMany('long', [['a'], ['b']]);
      for (let restart = 0; restart < 9; restart++) {
        await using watched = new WatchedWorker(config);
        const { worker } = watched;
        worker.task(
          'long',
          () =>
            new Promise((_, reject) => {
              const { signal } = currentTask() as TaskContext;
              signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
            }),
        );
        await worker.start();
        await waitFor(() => watched.started.length === 2, { what: 'both to be started' });
        await worker.stop();
      }
      await using last = new WatchedWorker(config);
      last.worker.task('long', () => undefined);
      await last.worker.start();
      await waitFor(() => last.settled.filter(({ verdict }) => verdict.kind === 'ack').length === 2, {
        what: 'both to be done',
      });

      expect(await vhost.take('q.dead-letter')).to.deep.equal([]);
    });
  });
}
