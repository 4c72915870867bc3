/** Events of workers and tasks between Node and Python: either side's monitors see either side's workers. */
import { type ConfigInput, type MonitoringEvent, openEventReceiver } from '@celeriac/core';
import { Reject, Retry } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import type { Running } from '../support/processes.js';
import { PythonWorker, requireCelery, startPython } from '../support/python.js';
import { waitFor } from '../support/wait-for.js';

const node = 'ours@test';
const queue = 'ours';

interface Seen {
  readonly workers: Readonly<Record<string, boolean>>;
  /** State and name, by id. */
  readonly tasks: Readonly<Record<string, readonly [string, string | null]>>;
  readonly order: readonly string[];
}

/** What Celery's own receiver and state printed. */
class Monitor {
  readonly running: Running;

  constructor(running: Running) {
    this.running = running;
  }

  events(): readonly MonitoringEvent[] {
    return this.#lines<MonitoringEvent>('EVENT ');
  }

  of(uuid: string): readonly MonitoringEvent[] {
    return this.events().filter((event) => event.uuid === uuid);
  }

  /** Resolves with the first event of this type about the task. */
  until(uuid: string, type: string): Promise<MonitoringEvent> {
    return waitFor(() => this.of(uuid).find((event) => event.type === type), { what: `${type} of ${uuid}` });
  }

  state(): Seen {
    return this.#lines<Seen>('STATE ').at(-1) ?? { workers: {}, tasks: {}, order: [] };
  }

  async untilState(uuid: string, state: string): Promise<Seen> {
    await waitFor(() => this.state().tasks[uuid]?.[0] === state, { what: `${uuid} to be ${state}` });
    return this.state();
  }

  #lines<T>(start: string): readonly T[] {
    const whole = this.running.output().split('\n').slice(0, -1);
    return whole
      .filter((line) => line.startsWith(start))
      .map((line) => JSON.parse(line.slice(start.length)) as T);
  }
}

function stopping(running: Running): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => running.stop().then(() => undefined) };
}

describe("Celery's monitors", function () {
  const opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let monitor: Monitor;
  let dump: Running;
  let ours: WatchedWorker;
  let client: WatchedPublisher;
  const held = gate();

  const config = (): ConfigInput =>
    configFor(vhost.url, {
      tasks: { queue_type: 'classic', default_queue: queue, send_sent_event: true },
      task_handler: {
        node_name: node,
        send_events: true,
        remote_control: 'full',
        heartbeat_interval: '500ms',
      },
    });

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    vhost = await Vhost.create();
    opened.push(vhost);
    monitor = new Monitor(startPython(vhost.url, ['monitor.py']));
    opened.push(stopping(monitor.running));
    dump = startPython(vhost.url, ['celery', '-b', vhost.url, 'events', '--dump']);
    opened.push(stopping(dump));
    await monitor.running.line(/^READY/u);
    ours = new WatchedWorker(config());
    opened.push(ours);
    const { worker } = ours;
    worker.task('add', (a: number, b: number) => a + b);
    worker.task('boom', () => Promise.reject(new TypeError('boom')));
    worker.task('again', () => Promise.reject(new Retry({ delay: '100ms', cause: new Error('not yet') })), {
      retry: { max: 1 },
    });
    worker.task('refuse', () => Promise.reject(new Reject('no')));
    worker.task('secret', (text: string) => text, { sensitive: true });
    worker.task('held', () => held.opened);
    await worker.start();
    client = await WatchedPublisher.open(config());
    opened.push(client);
    await waitFor(() => dump.output().includes(`${node} `), { what: 'celery events to hear of us' });
  });

  after(async () => {
    held.open();
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  it('see the worker online, and alive by its heartbeats', async () => {
    const beats = (): readonly MonitoringEvent[] =>
      monitor.events().filter(({ type, hostname }) => type === 'worker-heartbeat' && hostname === node);
    await waitFor(() => beats().length >= 3, { what: 'three heartbeats' });

    expect(monitor.state().workers).to.deep.equal({ [node]: true });
    expect(beats()[0]).to.include({ freq: 0.5, active: 0, sw_ident: 'celeriac', pid: process.pid });
    expect(dump.output()).to.match(/ours@test \[.*\] heartbeat/u);
  });

  it('see a task from its sending to its success, in the order of the clock', async () => {
    const { id } = await client.publisher.send('add', [2, 3]);
    await monitor.untilState(id, 'SUCCESS');

    const sent = await monitor.until(id, 'task-sent');
    const events = monitor.of(id);
    const own = events.filter(({ hostname }) => hostname === node);
    expect(own.map(({ type }) => type)).to.deep.equal(['task-received', 'task-started', 'task-succeeded']);
    expect(own.map(({ clock }) => clock)).to.deep.equal(
      [...own.map(({ clock }) => clock)].sort((a, b) => a - b),
    );
    expect(own[0]).to.include({ name: 'add', args: '(2, 3)', kwargs: '{}', root_id: id, retries: 0 });
    expect(own[2]).to.include({ result: '5' }).and.have.property('runtime').that.is.a('number');
    expect(sent).to.include({ name: 'add', queue, exchange: '', routing_key: queue, args: '(2, 3)' });
    expect(sent.hostname).to.match(/^gen\d+@/u);
    await waitFor(() => new RegExp(`task succeeded: add\\(${id}\\)`, 'u').test(dump.output()), {
      what: 'celery events to tell of it',
    });
  });

  it('see what failed, was tried again, was rejected, expired and is not known', async () => {
    const send = client.publisher.send.bind(client.publisher);
    const boom = await send('boom', []);
    const again = await send('again', []);
    const refused = await send('refuse', []);
    const unknown = await send('nope', []);

    await monitor.untilState(boom.id, 'FAILURE');
    await monitor.untilState(again.id, 'FAILURE');
    // Celery's State has STARTED overrule REJECTED: only the event tells it.
    const rejected = await monitor.until(refused.id, 'task-rejected');
    const { tasks } = await monitor.untilState(unknown.id, 'FAILURE');

    expect(tasks[boom.id]).to.deep.equal(['FAILURE', 'boom']);
    const failed = await monitor.until(boom.id, 'task-failed');
    expect(failed).to.include({ exception: "TypeError('boom')" });
    expect(failed.traceback).to.include('monitoring.test');
    const types = monitor.of(again.id).filter(({ hostname }) => hostname === node);
    expect(types.map(({ type }) => type)).to.have.members([
      ...['task-received', 'task-started', 'task-retried'],
      ...['task-received', 'task-started', 'task-failed'],
    ]);
    expect(rejected).to.include({ requeue: false });
    expect(await monitor.until(unknown.id, 'task-failed')).to.include({ exception: "NotRegistered('nope')" });
  });

  it('see a task that was revoked while it ran', async () => {
    const { id } = await client.publisher.send('held', []);
    await monitor.untilState(id, 'STARTED');
    await client.publisher.cancel(id, { terminate: true });
    held.open();

    // It is told to stop, and did not: it ends as it ends. A later one is not begun.
    await waitFor(() => ['SUCCESS', 'REVOKED'].includes(monitor.state().tasks[id]?.[0] ?? ''));
    const later = await client.publisher.send('add', [1, 1], { id: `${id}-2`, delay: '1s' });
    await client.publisher.cancel(later.id);
    await monitor.untilState(later.id, 'REVOKED');
    const revoked = await monitor.until(later.id, 'task-revoked');
    expect(revoked).to.include({ terminated: false, signum: null, expired: false });
  });

  it('are shown neither the arguments nor the result of a sensitive task', async () => {
    const { id } = await client.publisher.send('secret', ['hunter2'], { sensitive: true });
    await monitor.untilState(id, 'SUCCESS');

    expect(JSON.stringify(monitor.of(id))).not.to.include('hunter2');
    expect(monitor.of(id).find(({ type }) => type === 'task-received')).to.include({ args: '(...)' });
  });
});

describe('a Python worker that hears of others, beside one of ours', function () {
  const python = 'python@test';
  let vhost: Vhost;
  let worker: PythonWorker;
  const opened: AsyncDisposable[] = [];
  const heard: MonitoringEvent[] = [];

  before(async function () {
    requireRabbit(this);
    requireCelery(this);
    vhost = await Vhost.create();
    opened.push(vhost);
    const task_handler = { node_name: node, remote_control: 'full', heartbeat_interval: '500ms' } as const;
    const config = configFor(vhost.url, {
      tasks: { queue_type: 'classic', default_queue: queue },
      task_handler,
    });
    const ours = new WatchedWorker(config);
    opened.push(ours);
    ours.worker.task('add', (a: number, b: number) => a + b);
    await ours.worker.start();
    opened.push(await openEventReceiver({ config, env: {}, onEvent: (event) => heard.push(event) }));
    const options = ['--pool=solo', '-E', '-n', python, '--heartbeat-interval=1'];
    worker = await PythonWorker.start(vhost.url, { options, greets: true });
    opened.push(worker);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  const of = (hostname: string, type: string): readonly MonitoringEvent[] =>
    heard.filter((event) => event.hostname === hostname && event.type === type);

  it('is answered when it asks who is there, and misses no heartbeat of ours', async () => {
    await waitFor(() => of(node, 'worker-heartbeat').length >= 8, { what: 'eight heartbeats of ours' });
    await waitFor(() => of(python, 'worker-heartbeat').length >= 2, { what: 'heartbeats of Python' });

    expect(worker.log).to.include('mingle: sync with 1 nodes').and.to.include('mingle: sync complete');
    expect(worker.log).not.to.match(/missed heartbeat|Traceback|ERROR/u);
  });

  it('and ours keep their clocks in step', async () => {
    const [first] = of(python, 'worker-online');
    const later = await waitFor(() =>
      of(node, 'worker-heartbeat').find(({ clock }) => clock > (first?.clock ?? 0)),
    );

    expect(later.clock).to.be.greaterThan(first?.clock ?? Infinity);
  });

  it('gets our acknowledgement of an election, which it would wait for', async () => {
    const channel = await (await vhost.raw()).createChannel();
    const stand = { id: 'e-1', topic: 'task', action: {}, cver: 1, clock: 1, pid: 1, hostname: 'other@test' };
    const body = { ...stand, type: 'worker-elect', timestamp: 1, utcoffset: 0 };
    const options = {
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: { hostname: 'other@test' },
    };
    channel.publish('celeryev', 'worker.elect', Buffer.from(JSON.stringify(body)), options);

    const acknowledged = await waitFor(() => of(node, 'worker-elect-ack')[0], { what: 'an acknowledgement' });
    expect(acknowledged).to.include({ id: 'e-1' });
    expect(of(node, 'worker-elect')).to.deep.equal([]);
  });

  it('tells our receiver of its tasks', async () => {
    const client = await WatchedPublisher.open(
      configFor(vhost.url, { tasks: { compatibility: 'celery', send_sent_event: true } }),
    );
    const { id } = await client.publisher.send('interop.record', ['a']);
    const ofTask = (): readonly string[] => heard.filter(({ uuid }) => uuid === id).map(({ type }) => type);
    await waitFor(() => ofTask().includes('task-succeeded') && ofTask().includes('task-sent'), {
      what: `the events of a Python task; heard: ${ofTask().join(', ')}`,
    });
    await client[Symbol.asyncDispose]();

    expect(ofTask()).to.have.members(['task-sent', 'task-received', 'task-started', 'task-succeeded']);
    expect(of(python, 'task-received').at(-1)).to.include({ name: 'interop.record', args: "('a',)" });
  });
});
