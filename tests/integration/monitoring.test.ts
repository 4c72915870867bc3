/** Events for monitors over RabbitMQ: the commands that show them, remote control of them, and what a broken broker costs. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { type ConfigInput, type MonitoringEvent, openEventReceiver, openRemoteControl } from '@celeriac/core';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';
import { Rabbit } from '../support/rabbit.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const node = 'ours@test';

/** A worker with its publisher and a receiver of all events. */
class Scene implements AsyncDisposable {
  readonly heard: MonitoringEvent[] = [];
  readonly worker: WatchedWorker;
  readonly held = gate();
  readonly config: ConfigInput;
  #client: WatchedPublisher | undefined;
  #receiver: AsyncDisposable | undefined;

  constructor(url: string, handler: ConfigInput['task_handler'] = {}, tasks: ConfigInput['tasks'] = {}) {
    this.config = configFor(url, {
      tasks: { default_queue: 'q', queue_type: 'classic', ...tasks },
      task_handler: { node_name: node, heartbeat_interval: '500ms', ...handler },
    });
    this.worker = new WatchedWorker(this.config);
    this.worker.worker.task('add', (a: number, b: number) => a + b);
    this.worker.worker.task('held', () => this.held.opened);
    this.worker.worker.task('parent', async () => {
      await currentTask()?.tasks.send('add', [1, 1]);
    });
  }

  async open(): Promise<this> {
    this.#receiver = await openEventReceiver({
      config: this.config,
      env: {},
      onEvent: (event) => this.heard.push(event),
    });
    await this.worker.worker.start();
    this.#client = await WatchedPublisher.open(this.config);
    return this;
  }

  get client(): WatchedPublisher {
    if (this.#client === undefined) throw new Error('not opened');
    return this.#client;
  }

  types(uuid: string): readonly string[] {
    return this.heard.filter((event) => event.uuid === uuid).map(({ type }) => type);
  }

  async until(type: string, hostname = node): Promise<MonitoringEvent> {
    return waitFor(() => this.heard.find((event) => event.type === type && event.hostname === hostname), {
      what: `${type}; heard: ${this.heard.map((event) => event.type).join(', ')}`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.held.open();
    await this.#client?.[Symbol.asyncDispose]();
    await this.worker[Symbol.asyncDispose]();
    await this.#receiver?.[Symbol.asyncDispose]();
  }
}

describe('events for monitors', function () {
  before(function () {
    requireRabbit(this);
  });

  function celeriac(url: string, ...args: string[]): Running {
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: url };
    return start(process.execPath, [main, ...args], { cwd: '/', env });
  }

  it('tell of the worker only, until remote control switches those of tasks on, and after it switches them off', async () => {
    await using vhost = await Vhost.create();
    await using scene = await new Scene(vhost.url).open();
    await using control = await openRemoteControl({ config: scene.config, env: {} });
    const call = async (method: string): Promise<unknown> =>
      (await control.call(method, {}, { destination: [node], timeout: '30s' }))[0]?.value;
    const run = async (): Promise<readonly string[]> => {
      const settled = scene.worker.settled.length;
      const { id } = await scene.client.publisher.send('add', [1, 2]);
      await scene.worker.untilSettled(settled + 1);
      // Events keep their order: what was told of the task comes before this heartbeat.
      const beats = scene.heard.filter(({ type }) => type === 'worker-heartbeat').length;
      await waitFor(() => scene.heard.filter(({ type }) => type === 'worker-heartbeat').length > beats + 1);
      return scene.types(id);
    };

    expect(await run()).to.deep.equal([]);
    expect(await call('enable_events')).to.deep.equal({ ok: 'task events enabled' });
    expect(await call('enable_events')).to.deep.equal({ ok: 'task events already enabled' });
    expect(await run()).to.deep.equal(['task-received', 'task-started', 'task-succeeded']);
    expect(await call('disable_events')).to.deep.equal({ ok: 'task events disabled' });
    expect(await run()).to.deep.equal([]);
    await control.cast('heartbeat', {});
    await waitFor(() => scene.heard.find(({ type, freq }) => type === 'worker-heartbeat' && freq === 5));
  });

  it('are shown by celeriac events and celeriac top, as text and as JSON', async () => {
    await using vhost = await Vhost.create();
    const events = celeriac(vhost.url, 'events', '--json', '--types', 'task-succeeded,worker-online');
    await events.line(/waiting for events/u);
    await using scene = await new Scene(vhost.url, { send_events: true }).open();
    const { id } = await scene.client.publisher.send('add', [2, 3]);
    await scene.client.publisher.send('held');
    const line = await events.line(new RegExp(`"uuid":"${id}"`, 'u'));
    const top = celeriac(vhost.url, 'top', '--once', '--json', '--interval', '1s');
    const table = celeriac(vhost.url, 'top', '--once', '--enable');

    expect(JSON.parse(line)).to.include({ type: 'task-succeeded', hostname: node, result: '5' });
    expect(await events.stop()).to.equal(0);
    expect(events.output()).not.to.include('task-received').and.not.to.include('worker-heartbeat');
    expect([await top.exited, await table.exited]).to.deep.equal([0, 0]);
    const { workers, tasks } = JSON.parse(top.output()) as { workers: object[]; tasks: object[] };
    expect(workers[0]).to.include({
      worker: node,
      state: 'online',
      active: 1,
      concurrency: 10,
      processed: 2,
    });
    expect(tasks[0]).to.include({ name: 'held', state: 'STARTED', worker: node });
    expect(table.output())
      .to.match(/ours@test +online +1 +10 +2 .*celeriac/u)
      .and.to.match(/held +STARTED/u);
  });

  it('tell of tasks that are sent, by a client and by a handler', async () => {
    await using vhost = await Vhost.create();
    await using scene = await new Scene(vhost.url, {}, { send_sent_event: true }).open();
    const { id } = await scene.client.publisher.send('parent');
    const sent = (): readonly MonitoringEvent[] => scene.heard.filter(({ type }) => type === 'task-sent');
    await waitFor(() => sent().length === 2, { what: 'two sent tasks' });

    const child = sent().find(({ name }) => name === 'add');
    expect(child).to.include({ parent_id: id, root_id: id, queue: 'q', args: '(1, 1)' });
    expect(sent().map(({ hostname }) => /^gen\d+@/u.test(hostname))).to.deep.equal([true, true]);
  });

  it('say goodbye when the worker stops', async () => {
    await using vhost = await Vhost.create();
    await using scene = await new Scene(vhost.url).open();
    await scene.until('worker-heartbeat');
    await scene.worker.worker.stop();

    expect(await scene.until('worker-offline')).to.include({ processed: 0, sw_ident: 'celeriac' });
    const last = scene.heard.filter(({ hostname }) => hostname === node).at(-1);
    expect(last?.type).to.equal('worker-offline');
  });

  describe('over a broker that fails', () => {
    let rabbit: Rabbit;
    before(async () => {
      rabbit = await Rabbit.start();
    });
    after(async () => {
      await rabbit.stop();
    });

    it('cost no task anything while it blocks publishers, and go on afterwards', async () => {
      await using vhost = await Vhost.create(rabbit);
      await using scene = await new Scene(vhost.url, { send_events: true }).open();
      await scene.until('worker-online');
      await Promise.all(Array.from({ length: 50 }, () => scene.client.publisher.send('add', [1, 1])));
      await scene.worker.untilSettled(50);
      await Promise.all(Array.from({ length: 20 }, () => vhost.publish('q', body, properties())));
      await rabbit.memoryAlarm(true);
      await scene.worker.untilSettled(70);
      await rabbit.memoryAlarm(false);

      scene.heard.length = 0;
      await scene.until('worker-heartbeat');
      expect(scene.worker.settled.every(({ verdict }) => verdict.kind === 'ack')).to.equal(true);
    });

    it('begin anew with worker-online after a lost connection', async () => {
      await using vhost = await Vhost.create(rabbit);
      await using scene = await new Scene(vhost.url, { send_events: true }).open();
      await scene.until('worker-online');
      scene.heard.length = 0;
      await rabbit.closeConnections();
      await waitFor(() => scene.worker.restored.length > 1, { what: 'the connection to be restored' });

      // The receiver may be back later than the worker: then a heartbeat is what it hears first.
      await scene.until('worker-heartbeat');
      const { id } = await scene.client.publisher.send('add', [1, 1]);
      await waitFor(() => scene.types(id).includes('task-succeeded'), { what: 'the events of a task' });
    });
  });
});

/** A task as a Python sender would write it. */
const body = JSON.stringify([[1, 2], {}, null]);
function properties() {
  const id = randomUUID();
  return { contentType: 'application/json', contentEncoding: 'utf-8', headers: { task: 'add', id } };
}
