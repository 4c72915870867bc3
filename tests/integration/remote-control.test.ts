/** Remote control of a worker: what it answers, to whom, what it is allowed, and what cannot harm it. */
import { openRemoteControl, type OpenedRemoteControl } from '@celeriac/core';
import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const canary = 'canary-5ecret';

describe('remote control', function () {
  let opened: AsyncDisposable[] = [];
  let vhost: Vhost;
  let control: OpenedRemoteControl;

  before(function () {
    requireRabbit(this);
  });

  beforeEach(async () => {
    vhost = await Vhost.create();
    control = await openRemoteControl({ config: configFor(vhost.url), env: {} });
    opened = [vhost, control];
  });

  afterEach(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  async function worker(node: string, handler: object = {}): Promise<WatchedWorker> {
    const config = configFor(vhost.url, {
      tasks: { queue_type: 'classic' },
      task_handler: { node_name: node, concurrency: 2, ...handler },
    });
    const watched = new WatchedWorker(config);
    opened.push(watched);
    watched.worker.task('echo', (value: unknown) => value);
    await watched.worker.start();
    return watched;
  }

  /** Everyone's answer, once that many came. */
  const answers = (method: string, args: object, count: number) =>
    waitFor(async () => {
      const all = await control.call(method, { ...args });
      return all.length === count && all;
    });

  it('reaches all workers, those that are named, and those whose names match', async () => {
    await worker('a@one');
    await worker('b@one');

    const all = await answers('ping', {}, 2);
    const named = await control.call('ping', {}, { destination: ['b@one'], timeout: '20s' });
    const matching = await control.call('ping', {}, { pattern: 'a@*' });

    expect(all.map(({ node }) => node)).to.have.members(['a@one', 'b@one']);
    expect(named).to.deep.equal([{ node: 'b@one', value: { ok: 'pong' } }]);
    expect(matching.map(({ node }) => node)).to.deep.equal(['a@one']);
  });

  it('tells what runs, what waits, and by id', async () => {
    const { opened: goOn, open } = gate();
    const watched = new WatchedWorker(
      configFor(vhost.url, { task_handler: { node_name: 'a@one', concurrency: 1, prefetch_count: 2 } }),
    );
    opened.push(watched);
    watched.worker.task('wait', () => goOn);
    await watched.worker.start();
    const client = await WatchedPublisher.open(configFor(vhost.url));
    opened.push(client);
    const running = await client.publisher.send('wait', [7]);
    await waitFor(() => watched.started.length === 1);
    const waiting = await client.publisher.send('wait', [8]);

    const [reserved] = await waitFor(async () => {
      const all = await control.call('reserved', {}, { destination: ['a@one'], timeout: '20s' });
      return (all[0]?.value as unknown[]).length === 1 && all;
    });
    const [active] = await control.call('active', {}, { destination: ['a@one'], timeout: '20s' });
    const ids = [running.id, waiting.id, 'none'];
    const [byId] = await control.call('query_task', { ids }, { destination: ['a@one'], timeout: '20s' });
    open();

    const [activeOne] = active?.value as [{ readonly args: unknown }];
    const [reservedOne] = reserved?.value as [object];
    expect(activeOne).to.include({ id: running.id, name: 'wait', hostname: 'a@one' });
    expect(activeOne.args).to.deep.equal([7]);
    expect(reservedOne).to.include({ id: waiting.id, time_start: null });
    expect(Object.keys(byId?.value as object)).to.have.members([running.id, waiting.id]);
  });

  it('only asks and cancels unless all is allowed, and shows no password', async () => {
    await vhost.rabbit.ctl('add_user', `u-${vhost.name}`, canary);
    await vhost.rabbit.ctl('set_permissions', '-p', vhost.name, `u-${vhost.name}`, '.*', '.*', '.*');
    const url = vhost.rabbit.urlFor({ user: `u-${vhost.name}`, password: canary, vhost: vhost.name });
    const watched = new WatchedWorker(configFor(url, { task_handler: { node_name: 'a@one' } }));
    opened.push(watched);
    watched.worker.task('echo', () => undefined);
    await watched.worker.start();

    const to = { destination: ['a@one'], timeout: '20s' } as const;
    const grown = await control.call('pool_grow', { n: 1 }, to);
    const revoked = await control.call('revoke', { task_id: 'x' }, to);
    const shown = await Promise.all(
      ['conf', 'report', 'stats', 'active_queues'].map((method) => control.call(method, {}, to)),
    );

    const refusal = "PermissionError('pool_grow needs task_handler.remote_control: full')";
    expect(grown[0]?.value).to.deep.equal({ error: refusal });
    expect(revoked[0]?.value).to.deep.equal({ ok: 'tasks x flagged as revoked' });
    expect(shown.map((all) => all.length)).to.deep.equal([1, 1, 1, 1]);
    expect(JSON.stringify(shown)).to.not.include(canary);
  });

  it('changes how many tasks run, which queues are consumed, and ends the worker', async () => {
    const watched = await worker('a@one', { remote_control: 'full' });
    const to = { destination: ['a@one'], timeout: '20s' } as const;
    const value = async (method: string, args: object) =>
      (await control.call(method, { ...args }, to))[0]?.value;

    expect(await value('pool_grow', { n: 3 })).to.deep.equal({ ok: 'pool will grow' });
    expect(await value('pool_shrink', { n: 9 }))
      .to.have.property('error')
      .that.matches(/^RuntimeError/u);
    expect(await value('stats', {})).to.have.nested.include({ 'pool.max-concurrency': 5, prefetch_count: 5 });
    expect(await value('add_consumer', { queue: 'extra' })).to.deep.equal({ ok: 'add consumer extra' });
    const client = await WatchedPublisher.open(configFor(vhost.url));
    opened.push(client);
    await client.publisher.send('echo', [1], { queue: 'extra' });
    await watched.untilSettled(1);
    expect(await value('cancel_consumer', { queue: 'extra' })).to.deep.equal({
      ok: 'no longer consuming from extra',
    });
    expect(await vhost.consumers('extra')).to.equal(0);
    await control.cast('shutdown', {}, { destination: ['a@one'] });
    await waitFor(async () => (await vhost.consumers('celeriac')) === 0);
  });

  it('is deaf where it is switched off', async () => {
    await worker('a@one', { remote_control: 'off' });
    await worker('b@one');

    expect((await answers('ping', {}, 1)).map(({ node }) => node)).to.deep.equal(['b@one']);
  });

  it('warns of another worker of the same name, shows both, and goes on when one of them stops', async () => {
    const first = await worker('same@one');
    const second = await worker('same@one');
    const warned = ({ log }: WatchedWorker) =>
      log.matching(/another worker is called 'same@one'/u).length > 0;

    await waitFor(() => warned(first) && warned(second), { what: 'both to warn' });
    const both = await answers('ping', {}, 2);
    await first.worker.stop();
    const left = await answers('ping', {}, 1);

    expect(both.map(({ node }) => node)).to.deep.equal(['same@one', 'same@one']);
    expect(left.map(({ node }) => node)).to.deep.equal(['same@one']);
  });

  it('is not harmed by what nobody sensible would send', async () => {
    const watched = await worker('a@one');
    const channel = await (await vhost.raw()).createConfirmChannel();
    const json = { contentType: 'application/json' };
    const request = (more: object) => JSON.stringify({ method: 'ping', arguments: {}, ...more });
    await channel.assertQueue('victim');
    for (const [body, options] of [
      ['{', json],
      ['\u0080\u0002pickle', { contentType: 'application/x-python-serialize' }],
      ['[]', json],
      [request({ method: '__proto__' }), json],
      [request({ method: 'constructor', ticket: 'x'.repeat(10_000) }), json],
      [request({ arguments: { ids: { toString: 1 } }, method: 'query_task' }), json],
      [request({ method: 'revoke', arguments: { task_id: [null, {}, ''] } }), json],
      [request({ method: 'hello', arguments: { from_node: 'x', revoked: [1, 2] } }), json],
      [request({ pattern: '(a+)+$', matcher: 'pcre' }), json],
      [request({ pattern: '*a'.repeat(1_000), matcher: 'glob' }), json],
      [request({ reply_to: { exchange: '', routing_key: 'victim' }, ticket: 't' }), json],
      [request({ reply_to: { exchange: 'no-such', routing_key: 'x' }, ticket: 't' }), json],
      [`${'['.repeat(5_000)}${']'.repeat(5_000)}`, json],
      [request({}), { ...json, headers: { clock: 9_007_199_254_740_991 } }],
    ] as const) {
      channel.publish('celery.pidbox', '', Buffer.from(body), options);
    }
    await channel.waitForConfirms();

    const clock = (await control.call('clock', {}, { destination: ['a@one'], timeout: '20s' }))[0]?.value;
    expect((clock as { clock: number }).clock).to.be.below(1_000);
    expect(await vhost.depth('victim')).to.equal(0);
    expect(watched.lost).to.deep.equal([]);
    expect(watched.log.matching(/channel closed|could not be handled/u)).to.deep.equal([]);
    expect(watched.log.matching(/cannot be read/u).filter(({ level }) => level === 'warn')).to.have.length(1);
  });

  it('is there again after the connection was lost, the exchanges with it', async () => {
    await worker('a@one');
    await answers('ping', {}, 1);
    const channel = await (await vhost.raw()).createChannel();
    await channel.deleteExchange('reply.celery.pidbox');
    await answers('ping', {}, 1);
    await vhost.rabbit.closeConnections();

    expect(await answers('ping', {}, 1)).to.deep.equal([{ node: 'a@one', value: { ok: 'pong' } }]);
  });

  describe('from the command line', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'celeriac-control-'));
      await writeFile(join(directory, 'celeriac.yaml'), 'tasks: {queue_type: classic}\n');
    });
    after(() => rm(directory, { recursive: true, force: true }));

    async function celeriac(...args: string[]): Promise<[number | string, string]> {
      const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: vhost.url };
      const running = start(process.execPath, [main, ...args], { cwd: directory, env });
      const code = await running.exited;
      return [code, running.output()];
    }

    it('says that no worker heard it, and ends with 69', async () => {
      const [code, output] = await celeriac('cancel', 'some-id');
      const [status] = await celeriac('status');

      expect(output).to.match(/^some-id: no worker heard it$/mu);
      expect([code, status]).to.deep.equal([69, 69]);
    });

    it('asks, tells and cancels', async () => {
      await worker('a@one', { remote_control: 'full' });

      expect(await celeriac('status')).to.deep.equal([0, 'a@one: OK\n']);
      const [code, output] = await celeriac('cancel', 'one', 'two', '--terminate');
      expect([code, output.split('\n')[0]]).to.deep.equal([0, '2 tasks: cancelled at 1 worker (a@one)']);
      const [, revoked] = await celeriac('inspect', 'revoked', '-d', 'a@one', '-t', '20s', '--json');
      expect(JSON.parse(revoked)).to.deep.equal([{ node: 'a@one', value: ['one', 'two'] }]);
      const [grown, text] = await celeriac('control', 'pool_grow', '2', '-d', 'a@one', '-t', '20s');
      expect([grown, text]).to.deep.equal([0, 'a@one: OK\n  pool will grow\n']);
      const [refused] = await celeriac('control', 'autoscale', '3', '1', '-d', 'a@one', '-t', '20s');
      expect(refused).to.equal(70);
    });
  });
});
