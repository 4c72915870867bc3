/** Delays and retries that begin on one side and go on on the other. */
import { currentTask, type TaskContext, type TaskMessage } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const celery = { tasks: { compatibility: 'celery' as const } };

describe('between Node and Python', function () {
  const opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let client: WatchedPublisher;

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    vhost = await Vhost.create();
    opened.push(vhost);
    client = await WatchedPublisher.open(configFor(vhost.url, celery));
    opened.push(client);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  it('a Python worker runs what Node has delayed, not early, with its eta', async () => {
    await using python = await PythonWorker.start(vhost.url);
    const { id, eta } = await client.publisher.send('interop.record', ['delayed'], { delay: '2500ms' });

    const [record] = await python.untilRecorded(1);

    expect(record).to.deep.include({ id, args: ['delayed'] });
    expect(record!.at * 1000 - eta!.getTime()).to.be.within(0, 3000);
    expect(Date.parse(String(record!.fields.eta))).to.equal(eta!.getTime());
    expect(record!.fields.retries).to.equal(0);
  });

  it('a Python worker can retry what Node has delayed, though it came from a delay queue', async () => {
    await using python = await PythonWorker.start(vhost.url);
    const { id } = await client.publisher.send('interop.again', [2], { delay: 3 });

    const [record] = await python.untilRecorded(1);

    expect(record).to.include({ id });
    expect(record!.fields).to.include({ retries: 1, parent_id: id });
    expect(record!.at * 1000).to.be.at.least(Date.parse(String(record!.fields.eta)));
  });

  it('a Node worker goes on where the retry of a Python worker left off', async () => {
    await using python = await PythonWorker.start(vhost.url);
    await using watched = new WatchedWorker(
      configFor(vhost.url, { ...celery, task_handler: { queues: ['node'] } }),
    );
    const runs: { attempt: number; message: TaskMessage; at: number }[] = [];
    watched.worker.task(
      'interop.retry',
      () => {
        const { attempt, message } = currentTask() as TaskContext;
        runs.push({ attempt, message, at: Date.now() });
        throw new Error('nor here');
      },
      { retry: { max: 2, backoff: 'fixed', delay: '1s' } },
    );
    await watched.worker.start();

    const { id } = await client.publisher.send('interop.retry', ['node', 3]);
    await watched.untilSettled(3);

    expect(python.log).to.match(/interop\.retry\[[^\]]*\] retry/u);
    expect(watched.settled.map(({ verdict }) => verdict.kind)).to.deep.equal([
      'postpone',
      'retry',
      'deadLetter',
    ]);
    expect(runs.map(({ attempt, message }) => [attempt, message.id, message.parentId])).to.deep.equal([
      [2, id, id],
      [3, id, id],
    ]);
    for (const { at, message } of runs) expect(at).to.be.at.least(message.eta!);
    const [letter] = await vhost.take('node.dead-letter');
    expect(letter!.properties.headers).to.include({ 'celeriac-attempts': 3, retries: 2 });
  });

  it('a Python worker runs the attempt that a Node worker has asked for', async () => {
    const watched = new WatchedWorker(configFor(vhost.url, celery));
    watched.worker.task(
      'interop.record',
      () => {
        throw new Error('not here');
      },
      { retry: { max: 2, backoff: 'fixed', delay: '3s' } },
    );
    await watched.worker.start();
    const { id } = await client.publisher.send('interop.record', ['again'], { headers: { 'x-own': 'kept' } });
    await waitFor(() => watched.settled.length === 1);
    await watched[Symbol.asyncDispose]();
    await using python = await PythonWorker.start(vhost.url);

    const [record] = await python.untilRecorded(1);

    expect(record).to.deep.include({ id, args: ['again'] });
    expect(record!.headers).to.include({ 'x-own': 'kept' });
    expect(record!.fields).to.include({ retries: 1, parent_id: id, root_id: id, correlation_id: id });
    expect(record!.at * 1000).to.be.at.least(Date.parse(String(record!.fields.eta)));
  });
});
