/** What a worker may be told at each level, and what it answers to what it does not know. */
import {
  type Config,
  loadConfig,
  type PoolKind,
  type RemoteControlLevel,
  silentLogger,
  stringifyJson,
} from '@celeriac/core';
import { expect } from 'chai';

import type { Capsule } from '../../../dist/capsule.js';
import type { TaskGroup } from '../../../dist/capsule-plan.js';
import { answerRequest } from '../../../dist/control/answer-request.js';
import type { ControlledWorker } from '../../../dist/control/command.js';
import { Pauses } from '../../../dist/event-handler/pauses.js';
import { LogicalClock } from '../../../dist/control/logical-clock.js';
import { Revocations } from '../../../dist/control/revocations.js';
import type { DelayPaths } from '../../../dist/delay-paths.js';
import { GroupSizes } from '../../../dist/group-sizes.js';
import { ToldLimits } from '../../../dist/control/told-limits.js';
import type { Pool } from '../../../dist/pool/pool.js';
import { TaskHandlers } from '../../../dist/handlers.js';
import { TaskQueues } from '../../../dist/task-queues.js';
import { WorkInHand } from '../../../dist/work-in-hand.js';
import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';

const day = 86_400_000;

describe('answerRequest', () => {
  let worker: ControlledWorker;
  let clock: ManualClock;
  let shutdowns: number;
  let sizes: GroupSizes;

  async function at(level: RemoteControlLevel): Promise<void> {
    clock = new ManualClock();
    shutdowns = 0;
    const config: Config = await loadConfig({ task_handler: { remote_control: level } }, { env: {} });
    const tasks = new TaskHandlers();
    sizes = new GroupSizes();
    worker = {
      ...{ node: 'a@one', config, clock, logger: silentLogger, startedAt: 0, groups: [], ports: {} },
      tasks,
      inHand: new WorkInHand(),
      revocations: new Revocations(clock, { expiryMs: day, most: 100 }),
      queues: new TaskQueues({ config, tasks, sizes }),
      applications: new Map(),
      pauses: new Pauses({ list: () => Promise.resolve([]), capsules: new Map(), logger: silentLogger }),
      pools: () => [],
      shutdown: () => {
        shutdowns++;
      },
      lamport: new LogicalClock(),
      told: new ToldLimits(tasks),
    };
  }
  const answer = (method: string, args: Record<string, unknown> = {}) =>
    answerRequest(worker, { method, args, replyTo: { exchange: 'x', routingKey: 'y' } });
  const refused = (method: string) => ({
    error: `PermissionError('${method} needs task_handler.remote_control: full')`,
  });

  it('lets nobody change the worker at the level read, or cancel what he cannot name', async () => {
    await at('read');
    const methods = [
      'pool_grow',
      'pool_shrink',
      'pool_restart',
      'autoscale',
      'add_consumer',
      'cancel_consumer',
    ];
    const more = ['rate_limit', 'time_limit', 'shutdown', 'revoke_by_stamped_headers'];
    for (const method of [...methods, ...more]) {
      expect(await answer(method, { headers: { a: 1 }, queue: 'q' }), method).to.deep.equal(refused(method));
    }
    expect(shutdowns).to.equal(0);
    expect(worker.revocations.isEmpty).to.equal(true);
  });

  it('cancels by id at the level read, for as long as it is told to, and at least the usual time', async () => {
    await at('read');
    const until = (clock.now() + 3 * day) / 1000;
    expect(await answer('revoke', { task_id: ['a', 'b'], celeriac_until: until })).to.deep.equal({
      ok: 'tasks a, b flagged as revoked',
    });
    await answer('revoke', { task_id: 'c', celeriac_until: 1 });

    expect(await answer('revoked')).to.deep.equal(['a', 'b', 'c']);
    await clock.advance(2 * day);
    expect(await answer('revoked')).to.deep.equal(['a', 'b']);
    expect(await answer('terminate', { task_id: 'x', signal: 'KILL' })).to.deep.equal({
      ok: 'terminate: tasks unknown',
    });
  });

  it('resizes the first group: how much runs at once, and how many threads or processes are kept', async () => {
    await at('full');
    const { task_handler: handler } = worker.config;
    const told: object[] = [];
    const resize = (size: object): Promise<void> => Promise.resolve(void told.push(size));
    const capsule = { plans: [{}], resize } as unknown as Capsule;
    const open = (name: string, pool: PoolKind): void => {
      const config = { ...handler, pool, concurrency: 4, min_concurrency: 1 };
      const group = { name, queues: [], config } as unknown as TaskGroup;
      const restart = (): boolean => pool !== 'inline';
      sizes.add(group, { resize, restart } as unknown as Pool, capsule);
      worker.queues.open({ group, capsule, delayPaths: {} as DelayPaths });
    };
    open('cpu', 'threads');

    expect(await answer('autoscale', { max: 6, min: 2 })).to.deep.equal({ ok: 'autoscale now max=6 min=2' });
    expect(await answer('autoscale', { max: null, min: 3 })).to.deep.equal({
      ok: 'autoscale now max=6 min=3',
    });
    expect(await answer('pool_shrink', { n: 2 })).to.deep.equal({ ok: 'pool will shrink' });
    expect(told.at(-1)).to.include({ name: 'cpu', concurrency: 4, minConcurrency: 3, prefetch: 4 });
    expect(worker.queues.concurrency).to.equal(4);
    expect(await answer('pool_restart', { modules: ['os'] })).to.deep.equal({ ok: 'reload started' });

    await at('full');
    open('task_handler', 'inline');
    expect(await answer('autoscale', { max: 6 })).to.deep.equal({
      error: "ValueError('Autoscale not enabled')",
    });
    expect(await answer('pool_restart')).to.deep.equal({ error: "ValueError('Pool restarts not enabled')" });
  });

  it('limits how often a task starts and how long it runs, and shows what holds', async () => {
    await at('full');
    const options = { rateLimit: '10/m', softTimeLimit: '5s' } as const;
    const task = { contract: undefined, handler: () => undefined, isFromModule: false };
    worker.tasks.add({ ...task, name: 'a', options });
    worker.tasks.add({ ...task, name: 'b', options: {} });
    const told = (limit: unknown, name = 'a') => answer('rate_limit', { task_name: name, rate_limit: limit });
    const shown = (...taskinfoitems: string[]) => answer('registered', { taskinfoitems });

    expect(await shown()).to.deep.equal(['a [rate_limit=10/m]', 'b']);
    expect(await shown('soft_time_limit')).to.deep.equal(['a [soft_time_limit=5]', 'b']);
    expect(await told('100/h')).to.deep.equal({ ok: 'new rate limit set successfully' });
    expect(await told(2, 'b')).to.deep.equal({ ok: 'new rate limit set successfully' });
    expect(await shown()).to.deep.equal(['a [rate_limit=100/h]', 'b [rate_limit=2/s]']);
    for (const none of [0, '0', null, '']) {
      expect(await told(none)).to.deep.equal({ ok: 'rate limit disabled successfully' });
    }
    expect(await shown()).to.deep.equal(['a', 'b [rate_limit=2/s]']);
    expect(worker.told.rateOf('a')).to.deep.equal({ rate: undefined, revision: 5 });
    expect(await told('often')).to.deep.equal({ error: "Invalid rate limit string: ValueError('often')" });
    expect(await told({})).to.have.property('error');
    expect(await told('1/s', 'c')).to.deep.equal({ error: 'unknown task' });

    const times = (soft: unknown, hard: unknown, name = 'a') =>
      answer('time_limit', { task_name: name, soft, hard });
    expect(await times(1.5, 3)).to.deep.equal({ ok: 'time limits set successfully' });
    expect(await shown('time_limit', 'soft_time_limit')).to.deep.equal([
      'a [soft_time_limit=1.5 time_limit=3]',
      'b',
    ]);
    expect(await times(undefined, undefined)).to.deep.equal({ ok: 'time limits set successfully' });
    expect(worker.told.timesOf('a')).to.deep.equal({ soft: undefined, hard: undefined });
    expect(await times('x', 1)).to.deep.equal({ error: "ValueError('soft has to be seconds')" });
    expect(await times(1, 2, 'c')).to.deep.equal({ error: 'unknown task' });
  });

  it("answers Celery's errors to what it does not know or cannot do", async () => {
    await at('full');
    expect(await answer('no_such_cmd')).to.deep.equal({ error: "KeyError('no_such_cmd')" });
    expect(await answer('__proto__')).to.deep.equal({ error: "KeyError('__proto__')" });
    expect(await answer("it's")).to.deep.equal({ error: 'KeyError("it\'s")' });
    expect(await answer('autoscale', { max: 0 })).to.deep.equal({
      error: `ValueError("'max' has to be a whole number from 1")`,
    });
    expect(await answer('pool_grow', { n: -1 }))
      .to.have.property('error')
      .that.matches(/^ValueError/u);
    expect(await answer('revoke', { task_id: [null] }))
      .to.have.property('error')
      .that.matches(/^TypeError/u);
  });

  it('shuts down where all is allowed, and cancels by stamps', async () => {
    await at('full');
    await answer('shutdown');
    expect(shutdowns).to.equal(1);
    expect(await answer('revoke_by_stamped_headers', { headers: ['tenant=acme'] })).to.deep.equal({
      ok: 'headers {"tenant":"acme"} flagged as revoked, but not terminated',
    });
    expect(worker.revocations.has({ id: '1', stamps: { tenant: 'acme' } })).to.equal(true);
  });

  it('tells another node what is cancelled, learns what it knows, and itself nothing', async () => {
    await at('read');
    worker.revocations.add(['mine']);
    const said = await answer('hello', { from_node: 'b@one', revoked: { theirs: [1, 'theirs'] } });

    // A float, as Celery wants one, and zero, which it takes for its own clock's now.
    expect(stringifyJson(said)).to.include('"revoked":{"mine":[-0.0,"mine"]');
    expect(said).to.have.property('clock', 1);
    expect(worker.revocations.ids()).to.deep.equal(['mine', 'theirs']);
    expect(await answer('hello', { from_node: 'a@one', revoked: { x: [1, 'x'] } })).to.equal(null);
    expect(worker.revocations.ids()).to.not.include('x');
  });
});
