/** What becomes of handlers whose delivery is lost while they run: told to stop and refused, or left to finish. */
import { setTimeout as sleep } from 'node:timers/promises';

import { startBroker } from '@celeriac/dev-broker';
import { currentTask, type OnLost, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Scene, valueOf } from '../support/pool-scene.js';
import { Rabbit } from '../support/rabbit.js';
import { waitFor } from '../support/wait-for.js';

const codeOf = (error: unknown): unknown => (error as { code?: string }).code;

describe('a handler whose delivery is lost', () => {
  async function lose(onLost: OnLost, end: (task: TaskContext) => unknown) {
    const broker = await startBroker({ port: 0 });
    const config = configFor(broker.url, {
      tasks: { default_queue: 'q' },
      task_handler: { on_lost: onLost },
    });
    const watched = new WatchedWorker(config);
    const [begun, finish] = [gate(), gate()];
    let runs = 0;
    watched.worker.task('long', async () => {
      runs++;
      if (runs > 1) return 'again';
      begun.open();
      await finish.opened;
      return end(currentTask() as TaskContext);
    });
    watched.worker.task('other', () => 'other');
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    await sender.publisher.send('long');
    await begun.opened;
    broker.faults.closeConnection({ connection: /worker/u });
    await waitFor(() => watched.lost.length > 0);
    return {
      watched,
      runs: () => runs,
      finish: finish.open,
      [Symbol.asyncDispose]: async () => {
        await watched[Symbol.asyncDispose]();
        await broker.stop();
      },
    };
  }

  it('is refused what it sends, and runs again (cancel)', async () => {
    const refused: unknown[] = [];
    await using scene = await lose('cancel', async (task) => {
      refused.push(codeOf(task.signal.reason));
      refused.push(await task.tasks.send('other').catch(codeOf));
      refused.push(await task.events.publishEvent('core.limeobject.x.new.v1', {}).catch(codeOf));
      for (const refuse of [() => task.progress(1), () => task.checkpoint(1)]) {
        try {
          refuse();
        } catch (error) {
          refused.push(codeOf(error));
        }
      }
      task.signal.throwIfAborted();
    });
    scene.finish();
    const [first, second] = await scene.watched.untilSettled(2);

    expect(refused).to.deep.equal(Array.from({ length: 5 }, () => 'ERR_DELIVERY_LOST'));
    expect(first).to.have.nested.property('verdict.kind', 'abandon');
    expect(first).to.have.nested.property('outcome.kind', 'aborted');
    expect(valueOf(second!)).to.equal('again');
    expect(scene.watched.worker.deliveries()).to.include({ abandoned: 1, settled: 1 });
  });

  it('goes to its end, which is that of the message when it comes back (finish)', async () => {
    await using scene = await lose('finish', async ({ tasks, signal }) => {
      await tasks.send('other');
      return signal.aborted ? 'told to stop' : 'finished';
    });
    await waitFor(() => scene.watched.log.matching(/still runs here/u).length === 1, {
      what: 'the message to come back',
    });
    scene.finish();
    const settled = await scene.watched.untilSettled(3);

    expect(scene.runs()).to.equal(1);
    const ends = settled.filter(({ name }) => name === 'long').map(({ verdict }) => verdict.kind);
    expect(ends.sort()).to.deep.equal(['abandon', 'ack']);
    expect(settled.some((one) => valueOf(one) === 'other')).to.equal(true);
  });

  for (const pool of ['threads', 'processes'] as const) {
    it(`is ended in ${pool} when it does not heed its signal, and what it sends is refused`, async () => {
      await using scene = await Scene.open({ pool, concurrency: 2 });
      const [deaf, late] = [await scene.send('deaf'), await scene.send('send-late')];
      await Promise.all([scene.said(deaf), scene.said(late)]);
      scene.broker.faults.closeConnection({ connection: /worker/u });

      const ends = await waitFor(
        () => {
          const all = scene.watched.settled.filter(({ verdict }) => verdict.kind === 'abandon');
          return all.length === 2 && all;
        },
        { what: 'both to end' },
      );
      expect(ends.map(({ outcome }) => outcome.kind).sort()).to.deep.equal(['aborted', 'succeeded']);
      const sent = ends.find(({ id }) => id === late);
      expect(valueOf(sent!)).to.deep.equal(['ERR_DELIVERY_LOST', 'ERR_DELIVERY_LOST']);
    });
  }
});

describe('a task that runs longer than consumer_timeout (K03-2)', function () {
  before(function () {
    requireRabbit(this);
  });

  it('is told of, the consumer is back, others run, and its late acknowledgement harms nobody', async () => {
    const rabbit = await Rabbit.start({ config: ['consumer_timeout = 1500'] });
    await using node = { [Symbol.asyncDispose]: () => rabbit.stop() };
    expect(node).to.be.an('object');
    await rabbit.ctl('eval', 'application:set_env(rabbit, channel_tick_interval, 200).');
    const config = configFor(rabbit.url, {
      tasks: { default_queue: 'q', queue_type: 'quorum', delayed_delivery_ahead: false },
      task_handler: { concurrency: 2, consumer_timeout: '1.5s' },
    });
    await using watched = new WatchedWorker(config);
    let runs = 0;
    watched.worker.task(
      'long',
      async () => {
        runs++;
        await sleep(4_000); // heeds nothing
      },
      { softTimeLimit: '1h', onLost: 'finish' },
    );
    watched.worker.task('quick', () => 'quick');
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    const { id } = await sender.publisher.send('long');
    const [line] = await waitFor(() => {
      const lines = watched.log.matching(/longer than the broker waits for an acknowledgement: del/u);
      return lines.length > 0 && lines;
    });
    for (let n = 0; n < 20; n++) await sender.publisher.send('quick');
    const ran = (name: string) =>
      watched.settled.filter((one) => one.name === name && one.verdict.kind === 'ack').length;
    await waitFor(() => ran('quick') === 20, { what: '20 quick tasks' });
    await waitFor(() => ran('long') === 1, { what: 'the long task to end' });

    expect(line).to.include({ level: 'warn', queue: 'q', id, code: 406 });
    expect(line?.why).to.match(/delivery acknowledgement on channel \d+ timed out/u);
    expect(watched.log.matching(/may run longer than the broker waits/u)[0]).to.include({
      task: 'long',
      seconds: 3600,
      consumerTimeout: 1.5,
    });
    expect(runs).to.be.lessThan(3);
    expect(watched.lost).to.deep.equal([]);
    expect(watched.worker.deliveries().abandoned).to.be.greaterThan(0);
  });
});
