/** Celery's remote control between Python and Node: either asks, tells and cancels at the other. */
import { once } from 'node:events';

import { openRemoteControl, type OpenedRemoteControl } from '@celeriac/core';
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { celeryCommand, pythonCalls, PythonWorker, requireCelery } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const node = 'node@test';
const python = 'python@test';
const celery = { compatibility: 'celery' } as const;
const trouble = /Traceback|ERROR|WARN|CRITICAL/u;

interface Note {
  readonly label: string;
}

function nodeWorker(vhost: Vhost, handler: object = {}): WatchedWorker {
  const settings = { node_name: node, queues: ['node'], concurrency: 1, prefetch_count: 5, ...handler };
  return new WatchedWorker(configFor(vhost.url, { tasks: celery, task_handler: settings }));
}

describe("Celery's remote control of a Node worker", function () {
  const opened: AsyncDisposable[] = [];
  const { opened: goOn, open } = gate();
  let vhost: Vhost;
  let worker: WatchedWorker;

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    vhost = await Vhost.create();
    worker = nodeWorker(vhost, { remote_control: 'full' });
    opened.push(vhost, worker);
    worker.worker.task('node.wait', () => goOn);
    worker.worker.task('node.add', (a: number, b: number) => a + b);
    worker.worker.task('node.slow', async () => {
      const { signal } = currentTask() as TaskContext;
      await once(signal, 'abort');
      throw signal.reason as Error;
    });
    await worker.worker.start();
  });

  after(async () => {
    open();
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  const send = (...args: [string, unknown[], object?]): Promise<string> => {
    const [name, list, more = {}] = args;
    return pythonCalls<string>(vhost.url, ['send', name, list, { queue: 'node', ...more }]);
  };
  const settled = (id: string) =>
    waitFor(() => worker.settled.find((one) => one.id === id), { what: `${id} to be settled` });

  it('answers what it is asked, in the form that Celery reads', async () => {
    const running = await send('node.wait', [1]);
    await waitFor(() => worker.started.length === 1);
    const waiting = await send('node.add', [1, 2]);
    const questions = {
      ...{ ping: [], active: [], reserved: [], scheduled: [], registered: [], stats: [], active_queues: [] },
      ...{ revoked: [], conf: [], report: [], clock: [], query_task: [[running, waiting]] },
    };

    const answers = await waitFor(async () => {
      const all = await pythonCalls<Record<string, unknown>>(vhost.url, ['inspect', questions, node]);
      return Object.keys((all.query_task as object | undefined) ?? {}).length === 2 && all;
    });

    expect(answers.ping).to.deep.equal({ ok: 'pong' });
    expect(answers.active).to.have.nested.property('[0].id', running);
    expect(answers.reserved).to.have.nested.property('[0].id', waiting);
    expect(answers.scheduled).to.deep.equal([]);
    expect(answers.registered).to.deep.equal(['node.add', 'node.slow', 'node.wait']);
    expect(answers.stats).to.have.nested.include({ 'total.node\\.wait': 1, 'pool.max-concurrency': 1 });
    expect((answers.active_queues as readonly object[] | undefined)?.[0]).to.include({
      name: 'node',
      durable: true,
    });
    expect(answers.conf).to.include({ 'tasks.compatibility': 'celery' });
    expect(answers.report).to.have.property('ok').that.includes('software -> celeriac');
    expect(answers.clock).to.have.property('clock').that.is.a('number');
    expect(answers.query_task).to.have.nested.include({
      [`${running}[0]`]: 'active',
      [`${waiting}[0]`]: 'reserved',
    });
  });

  it('obeys a revoke, by the program and by the command', async () => {
    const [first, second] = [await send('node.add', [3, 4]), await send('node.add', [5, 6])];
    await pythonCalls(vhost.url, [
      'control',
      'revoke',
      [first],
      { reply: true, destination: [node], timeout: 60 },
    ]);
    const output = await celeryCommand(vhost.url, 'control', '-d', node, '-t', '60', 'revoke', second);
    open();

    expect(output).to.include(`tasks ${second} flagged as revoked`);
    expect((await settled(first)).outcome).to.include({ kind: 'revoked', terminated: false });
    expect((await settled(second)).outcome).to.include({ kind: 'revoked', terminated: false });
  });

  it('is on the list of the command status, and grows', async () => {
    const command = (...args: string[]): Promise<string> => celeryCommand(vhost.url, ...args);

    expect(await command('status', '-d', node, '-t', '60')).to.match(/node@test: OK[\s\S]*1 node online/u);
    expect(await command('control', '-d', node, '-t', '60', 'pool_grow', '1')).to.include('pool will grow');
  });

  it('limits how often a task starts and how long it runs, as it is told', async () => {
    const tell = (...args: string[]): Promise<string> =>
      celeryCommand(vhost.url, 'control', '-d', node, '-t', '60', ...args);
    const questions = { registered: ['rate_limit', 'soft_time_limit', 'time_limit'] };
    const shown = () => pythonCalls<Record<string, unknown>>(vhost.url, ['inspect', questions, node]);

    expect(await tell('rate_limit', 'node.add', '1/h')).to.include('new rate limit set successfully');
    expect(await tell('time_limit', 'node.slow', '0.2', '60')).to.include('time limits set successfully');
    expect(await tell('rate_limit', 'nobody', '1/h')).to.include('unknown task');
    expect((await shown()).registered).to.deep.equal([
      'node.add [rate_limit=1/h]',
      'node.slow [soft_time_limit=0.2 time_limit=60]',
      'node.wait',
    ]);
    const slow = await send('node.slow', []);
    expect((await settled(slow)).outcome).to.include({ kind: 'timedOut' });
    const [first, second] = [await send('node.add', [1, 1]), await send('node.add', [1, 1])];
    expect((await settled(first)).outcome.kind).to.equal('succeeded');
    expect((await settled(second)).outcome.kind).to.equal('deferred');
    expect(await tell('rate_limit', 'node.add', '0')).to.include('rate limit disabled successfully');
    expect((await settled(await send('node.add', [1, 1]))).outcome.kind).to.equal('succeeded');
  });
});

describe('remote control of a Python worker by Node', function () {
  const opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let celeryWorker: PythonWorker;
  let control: OpenedRemoteControl;
  let client: WatchedPublisher;

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    vhost = await Vhost.create();
    const options = ['--pool=prefork', '--concurrency=1', '-n', python];
    celeryWorker = await PythonWorker.start(vhost.url, { app: 'canvas_app', options });
    const config = configFor(vhost.url, { tasks: celery });
    control = await openRemoteControl({ config, env: {} });
    client = await WatchedPublisher.open(config);
    opened.push(vhost, celeryWorker, control, client);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  it('asks it, and sees what it says', async () => {
    const to = { destination: [python], timeout: '60s' } as const;
    const [ping] = await control.call('ping', {}, to);
    const [stats] = await control.call('stats', {}, to);
    const [unknown] = await control.call('no_such', {}, to);

    expect(ping).to.deep.equal({ node: python, value: { ok: 'pong' } });
    expect(stats?.value).to.have.nested.include({ 'pool.max-concurrency': 1, 'broker.transport': 'amqp' });
    expect(unknown?.value).to.deep.equal({ error: "KeyError('no_such')" });
  });

  it('cancels what waits there, what waits for its time, and what runs', async () => {
    const { publisher } = client;
    const held = celeryWorker.path('go');
    const running = await publisher.send('canvas.hold', [held]);
    await celeryWorker.untilRecorded(1);
    const waiting = await publisher.send('canvas.mark', ['never']);
    const later = await publisher.send('canvas.mark', ['never either'], { delay: '5s' });
    const after = await publisher.send('canvas.mark', ['after']);

    const report = await publisher.cancel([waiting.id, later.id], { timeout: '5s' });
    await publisher.cancel(running.id, { terminate: true, timeout: '5s' });

    expect(report.workers).to.deep.equal([python]);
    await waitFor(() => celeryWorker.log.includes(`Discarding revoked task: canvas.mark[${later.id}]`), {
      what: `the delayed task to be discarded; the worker's log:\n${celeryWorker.log}`,
    });
    const notes = await waitFor(async () => {
      const all = await celeryWorker.records<Note>();
      return all.some(({ label }) => label === 'after') && all;
    });
    expect(notes.map(({ label }) => label)).to.not.include.members(['never', 'never either']);
    expect(celeryWorker.log).to.include(`Discarding revoked task: canvas.mark[${waiting.id}]`);
    expect(celeryWorker.log).to.not.include(`canvas.mark[${later.id}] succeeded`);
    expect(after.id).to.be.a('string');
  });
});

describe('a Python worker and a Node worker that greet one another', function () {
  before(function () {
    requireRabbit(this);
    requireCelery(this);
  });

  it('tell what is cancelled, and the log of Python stays quiet when Node comes and goes', async () => {
    await using vhost = await Vhost.create();
    await using control = await openRemoteControl({ config: configFor(vhost.url), env: {} });
    const revokedAt = async (name: string): Promise<readonly string[]> => {
      const [answer] = await control.call('revoked', {}, { destination: [name], timeout: '60s' });
      return answer?.value as readonly string[];
    };
    {
      await using first = nodeWorker(vhost);
      first.worker.task('node.add', () => undefined);
      await first.worker.start();
      await control.call('revoke', { task_id: 'known-to-node' }, { destination: [node], timeout: '60s' });
      const options = ['--pool=solo', '-n', python];
      await using celeryWorker = await PythonWorker.start(vhost.url, { options, greets: true });
      expect(await revokedAt(python)).to.deep.equal(['known-to-node']);
      await control.call('revoke', { task_id: 'known-to-python' }, { destination: [python], timeout: '60s' });
      await first.worker.stop();
      await control.cancel('listed'); // what a worker that starts knows, and greets with

      await using second = nodeWorker(vhost);
      second.worker.task('node.add', () => undefined);
      await second.worker.start();
      await waitFor(async () => (await revokedAt(node)).length === 3, { what: 'Node to know all' });

      expect(await revokedAt(node)).to.have.members(['known-to-node', 'known-to-python', 'listed']);
      expect(await revokedAt(python)).to.have.members(['known-to-node', 'known-to-python', 'listed']);
      await second.worker.stop();
      expect(celeryWorker.log).to.include('mingle: sync complete');
      expect(celeryWorker.log.split('\n').filter((line) => trouble.test(line))).to.deep.equal([]);
    }
  });
});
