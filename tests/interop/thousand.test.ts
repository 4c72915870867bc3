/** A thousand tasks each way over the queue `celery`: all run, none twice, every value arrives as it was sent. */
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { pythonSends, PythonWorker, requireCelery } from '../support/python.js';

const count = 1000;
const celery = { tasks: { compatibility: 'celery' as const } };

interface Seen {
  readonly args: readonly unknown[];
  readonly context: TaskContext;
}

describe('a thousand tasks', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('from Python all run on a Node worker, once each and with every value', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(
      configFor(vhost.url, { ...celery, task_handler: { concurrency: 50 } }),
    );
    const seen = new Map<string, Seen[]>();
    watched.worker.task('interop.record', (...args: unknown[]) => {
      const context = currentTask() as TaskContext;
      seen.set(context.id, [...(seen.get(context.id) ?? []), { args, context }]);
    });
    await watched.worker.start();

    const calls = await pythonSends(vhost.url, 'many', { count });
    await watched.untilSettled(count);

    expect(await vhost.depth('celery')).to.equal(0);
    expect(watched.settled).to.have.length(count);
    expect([...seen.keys()].sort()).to.deep.equal(calls.map(({ id }) => id).sort());
    for (const [index, { id, args, kwargs }] of calls.entries()) {
      const [first, ...again] = seen.get(id)!;
      const { message, headers } = first!.context;
      expect(again, id).to.be.empty;
      const { when, ...named } = first!.args.at(-1) as Record<string, unknown>;
      expect([...first!.args.slice(0, -1), named]).to.deep.equal([...args, kwargs]);
      // Text from kombu before 5.3, a typed value after.
      expect(new Date(when as string | Date).toISOString()).to.equal('2026-11-25T04:09:03.317Z');
      expect(headers).to.deep.equal({
        'x-big': 2 ** 31 + index,
        'x-huge': 9_007_199_254_740_993n,
        'x-negative': -(2 ** 40),
        'x-tenant': 'ačme',
        'x-flag': true,
      });
      expect(message.priority).to.equal(index % 10);
      expect(message.expires).to.be.a('number');
    }
  });

  it('from Node all run on a Python worker, once each and with every value', async () => {
    await using vhost = await Vhost.create();
    await using python = await PythonWorker.start(vhost.url);
    await using client = await WatchedPublisher.open(configFor(vhost.url, celery));
    const args = (index: number): unknown[] => [
      index,
      'žluťoučký 🐟',
      2n ** 53n + 1n,
      -(2n ** 70n),
      1.5,
      true,
      null,
    ];
    const kwargs = (index: number): Record<string, unknown> => ({
      n: index,
      nested: { list: [1, [2, { três: [null, false] }]], empty: {} },
      when: new Date(Date.UTC(2026, 10, 25, 4, 9, 3, 317)),
    });

    const sent = await Promise.all(
      Array.from({ length: count }, (_, index) =>
        client.publisher.send('interop.record', args(index), {
          kwargs: kwargs(index),
          priority: index % 10,
          expires: '1h',
          headers: { 'x-big': 2 ** 31 + index, 'x-tenant': 'ačme' },
        }),
      ),
    );
    await python.untilRecorded(count);
    const records = await python.stop();

    expect(await vhost.depth('celery')).to.equal(0);
    expect(records.map(({ id }) => id).sort()).to.deep.equal(sent.map(({ id }) => id).sort());
    const byId = new Map(records.map((record) => [record.id, record]));
    for (const [index, { id }] of sent.entries()) {
      const record = byId.get(id)!;
      expect(record.args).to.deep.equal(args(index));
      expect(record.kwargs).to.deep.equal({ ...kwargs(index), when: '2026-11-25T04:09:03.317Z' });
      expect(record.headers).to.deep.equal({ 'x-big': 2 ** 31 + index, 'x-tenant': 'ačme' });
      expect(record.priority).to.equal(index % 10);
    }
  });
});
