/** What a pool does about its children, with children and a clock that do only what the test says. */
import { type CeleriacError, type Config, loadConfig, type Outcome, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { Cancellation } from '../../../dist/cancellation.js';
import { ChildPool } from '../../../dist/pool/child-pool.js';
import type { Work } from '../../../dist/work.js';
import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';
import { FakeChild } from '../../support/fake-child.js';
import { noRetries } from '../../support/fakes.js';

/** Lets everything that waits for nothing but promises go on. */
const settle = async (): Promise<void> => {
  for (let n = 0; n < 20; n++) await Promise.resolve();
};

describe('a pool of children', () => {
  let clock: ManualClock;
  let children: FakeChild[];
  let stopping: AbortController;
  let willStart: boolean;
  let throwing: number;
  beforeEach(() => {
    clock = new ManualClock();
    children = [];
    stopping = new AbortController();
    willStart = true;
    throwing = 0;
  });

  async function open(settings: Record<string, unknown> = {}): Promise<ChildPool> {
    const { task_handler: config } = await loadConfig(
      { task_handler: { pool: 'processes', min_concurrency: 0, ...settings } },
      { env: {} },
    );
    return new ChildPool({
      name: 'cpu',
      config,
      startChild: () => {
        if (throwing-- > 0) throw new Error('spawn ENOMEM');
        const child = new FakeChild(children.length + 1);
        children.push(child);
        if (willStart) void Promise.resolve().then(() => child.say({ op: 'ready', memory: 33 * 2 ** 20 }));
        else child.end({ code: 1 });
        return child;
      },
      setup: { op: 'setup', modules: [], config: {} as Config },
      answer: () => Promise.resolve({}),
      progress: () => undefined,
      sent: () => undefined,
      stopping: stopping.signal,
      logger: silentLogger,
      clock,
    });
  }

  const work = (more: Partial<Work> = {}): Work => ({
    id: 'm1',
    name: 'a',
    retries: 0,
    policy: noRetries,
    input: [],
    maxCrashes: 3,
    message: {} as NonNullable<Work['message']>,
    run: () => undefined,
    ...more,
  });
  const run = (pool: ChildPool, more?: Partial<Work>, cancellation = new Cancellation()): Promise<Outcome> =>
    pool.run(work(more), { cancellation, delivery: { queue: 'q', redelivered: false, properties: {} } });

  it('uses a child again that is idle, and starts another while it is busy', async () => {
    const pool = await open();
    const first = run(pool);
    await settle();
    children[0]?.done(0);
    await first;
    const [second, third] = [run(pool), run(pool)];
    await settle();

    expect(children.map(({ jobs }) => jobs)).to.deep.equal([2, 1]);
    children[0]?.done(1);
    children[1]?.done(0);
    expect([await second, await third]).to.deep.equal([
      { kind: 'succeeded', value: 1 },
      { kind: 'succeeded', value: 2 },
    ]);
  });

  it('gives a task to another child when the first was gone before it began', async () => {
    const pool = await open();
    const outcome = run(pool);
    await settle();
    children[0]?.end({ code: 1 });
    await settle();
    children[1]?.done(0);
    expect(await outcome).to.deep.equal({ kind: 'succeeded', value: 2 });
  });

  it('takes a task for the cause when it never begins', async () => {
    const pool = await open();
    const outcome = run(pool, { crashes: 1 });
    for (let n = 0; n < 3; n++) {
      await settle();
      children[n]?.end({ code: 1 });
    }
    expect(await outcome).to.include({ kind: 'crashed', crashes: 2, of: 3 });
  });

  it('holds a task while no child can be started, trying less and less often', async () => {
    const pool = await open();
    willStart = false;
    const outcome = run(pool);
    await settle();
    await clock.advance(1_000);
    await settle();
    willStart = true;
    await clock.advance(1_000);
    await settle();

    expect(clock.slept[1]).to.be.above(clock.slept[0]!);
    children.at(-1)?.done(0);
    expect(await outcome).to.include({ kind: 'succeeded' });
  });

  it('starts nothing more when the worker stops while no child can be started', async () => {
    const pool = await open();
    willStart = false;
    const outcome = run(pool);
    await settle();
    stopping.abort();
    expect(await outcome).to.deep.equal({ kind: 'notStarted' });
  });

  it('kills the child of a task at its hard limit, and not before', async () => {
    const pool = await open();
    const outcome = run(pool, { hardLimitMs: 5_000 });
    await settle();
    children[0]?.say({ op: 'started', job: 0 });
    await clock.advance(4_999);
    await settle();
    expect(pool.stats().children).to.have.length(1);
    await clock.advance(1);
    expect(await outcome).to.include({ kind: 'timedOut', limitMs: 5_000 });
  });

  it('kills a child that holds more than it may', async () => {
    const pool = await open({ max_memory: '64MiB' });
    const outcome = run(pool);
    await settle();
    children[0]!.say({ op: 'started', job: 0 });
    children[0]!.held = 65 * 2 ** 20;
    await clock.advance(1_000);
    expect(await outcome)
      .to.have.property('error')
      .that.includes({ code: 'ERR_MEMORY_LIMIT' });
  });

  it('does not start where an empty child holds more than it may', async () => {
    const pool = await open({ max_memory: '32MiB', min_concurrency: 1 });
    const error = await pool.start().catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'ERR_POOL_START' });
    expect((error as CeleriacError).message).to.include('max_memory');
  });

  it('does not take being stopped while it starts for a failure', async () => {
    const pool = await open({ min_concurrency: 2 });
    const starting = pool.start();
    stopping.abort();
    children[0]?.end({ code: 0 });
    await starting;
    expect(children).to.have.length(2);
  });

  it('passes on who told a task to stop, and what its child throws last', async () => {
    const pool = await open();
    const cancellation = new Cancellation();
    const outcome = run(pool, {}, cancellation);
    await settle();
    children[0]?.say({ op: 'started', job: 0 });
    cancellation.cancel('lost', new Error('gone'));
    expect(children[0]?.heard.at(-1)).to.include({ op: 'cancel', by: 'lost' });
    children[0]?.end({ code: 0 });
    expect(await outcome).to.include({ kind: 'aborted', by: 'lost' });

    const other = run(pool);
    await settle();
    children[1]?.say({ op: 'started', job: 0 });
    children[1]?.say({ op: 'dying', error: { kind: 'value', value: 'my last' } });
    children[1]?.end({ code: 1 });
    expect(await other).to.have.nested.property('error.cause', 'my last');
  });

  it('ends children above the minimum after idling, and no other', async () => {
    const pool = await open({ min_concurrency: 1, idle_timeout: '10s' });
    await pool.start();
    const both = [run(pool), run(pool)];
    await settle();
    children[0]?.done(0);
    children[1]?.done(0);
    await Promise.all(both);
    await clock.advance(9_999);
    await settle();
    expect(pool.stats().children).to.have.length(2);
    await clock.advance(1);
    await settle();
    expect(pool.stats().children).to.have.length(1);
    await clock.advance(60_000);
    await settle();
    expect(pool.stats().children).to.have.length(1);
  });

  it('does not end a child that is at work again when its idle time is over', async () => {
    const pool = await open({ idle_timeout: '10s' });
    const first = run(pool);
    await settle();
    children[0]?.done(0);
    await first;
    const second = run(pool);
    await clock.advance(10_000);
    await settle();
    children[0]?.done(1);
    expect(await second).to.deep.equal({ kind: 'succeeded', value: 1 });
  });

  it('ends idle children at once when it shrinks, and busy ones with their task', async () => {
    const pool = await open({ concurrency: 3 });
    const all = [run(pool), run(pool), run(pool)];
    await settle();
    children[0]?.done(0);
    await all[0];

    pool.resize({ concurrency: 1, minConcurrency: 0 });
    await settle();
    expect(pool.stats().children.map(({ id }) => id)).to.deep.equal([2, 3]);
    children[1]?.done(0);
    await all[1];
    await settle();
    expect(pool.stats().children.map(({ id }) => id)).to.deep.equal([3]);
    children[2]?.done(0);
    expect(await all[2]).to.deep.equal({ kind: 'succeeded', value: 3 });
    expect(pool.stats().children.map(({ id }) => id)).to.deep.equal([3]);
  });

  it('replaces its children when it is restarted: idle ones at once, busy ones when their task has ended', async () => {
    const pool = await open({ concurrency: 3, min_concurrency: 1 });
    await pool.start();
    const all = [run(pool), run(pool)];
    await settle();
    children[0]?.done(0);
    await all[0];

    expect(pool.restart()).to.equal(true);
    await settle();
    expect(pool.stats().children.map(({ id }) => id)).to.deep.equal([2]);
    children[1]?.done(0);
    expect(await all[1]).to.deep.equal({ kind: 'succeeded', value: 2 });
    await settle();
    expect(pool.stats().children.map(({ id }) => id)).to.deep.equal([3]);
  });

  it('starts what it has to keep when it grows, and lets it go when it need not', async () => {
    const pool = await open({ concurrency: 1, idle_timeout: '10s' });
    pool.resize({ concurrency: 4, minConcurrency: 3 });
    await settle();
    expect(pool.stats().children).to.have.length(3);
    await clock.advance(10_000);
    await settle();
    expect(pool.stats().children).to.have.length(3);

    pool.resize({ concurrency: 4, minConcurrency: 0 });
    await clock.advance(10_000);
    await settle();
    expect(pool.stats().children).to.have.length(0);
  });

  it('tries on where the system has no memory for another process', async () => {
    const pool = await open();
    throwing = 1;
    const outcome = run(pool);
    await settle();
    expect(children).to.have.length(0);
    await clock.advance(1_000);
    await settle();
    children[0]?.done(0);
    expect(await outcome).to.deep.equal({ kind: 'succeeded', value: 1 });
  });

  it('leaves no timer behind', async () => {
    const pool = await open({ max_memory: '64MiB' });
    const outcome = run(pool, { hardLimitMs: 5_000, softLimitMs: 1_000 });
    await settle();
    children[0]?.done(0);
    await outcome;
    await pool.close();
    await settle();
    expect(clock.timers).to.equal(0);
  });
});
