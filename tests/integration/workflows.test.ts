/** Workflows among our own: what is counted in Redis, what works without it, and what is refused. */
import { createLogger, defineTask, RedisChords, RedisConnection, systemClock } from '@celeriac/core';
import { type AnySignature, chain, chord, group, type Signature, signature } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const double = defineTask({ name: 'double', input: { type: 'integer' }, output: { type: 'integer' } });
const charge = defineTask({
  name: 'charge',
  input: {
    type: 'object',
    properties: { amount: { type: 'integer' }, account: { type: 'string' } },
    required: ['amount', 'account'],
    additionalProperties: false,
  },
  output: { type: 'integer' },
});
const add = (...args: number[]): Signature<unknown, number> => signature('add', args);

function register({ worker }: WatchedWorker): void {
  worker.task(double, (number) => 2 * number);
  worker.task(charge, ({ amount, account }) => amount + account.length);
  worker.task('add', (...args: number[]) => args.reduce((sum, one) => sum + one, 0));
  worker.task('function', () => () => 1);
}

describe('workflows without Redis, by rpc://', () => {
  const opened: AsyncDisposable[] = [];
  const errbacks: unknown[][] = [];
  let vhost: Vhost;
  let node: WatchedWorker;
  let client: WatchedPublisher;

  before(async function () {
    requireRabbit(this);
    vhost = await Vhost.create();
    const config = configFor(vhost.url, { tasks: { default_queue: 'q', result_backend: 'rpc://' } });
    node = new WatchedWorker(config);
    register(node);
    node.worker.task('errback', (...args: unknown[]) => void errbacks.push(args));
    await node.worker.start();
    client = await WatchedPublisher.open(config);
    opened.push(vhost, node, client);
  });

  after(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
  });

  it('hand the output of a contract to the next', async () => {
    const whole = chain(signature(double, 4), signature(double), signature(charge, { account: 'ab' }));
    const result = await client.publisher.sendWorkflow(whole);
    expect(await result.result({ timeout: '60s' })).to.equal(18);
    expect(await result.parent?.result({ timeout: '60s' })).to.equal(16);
  });

  it('run groups and callbacks', async () => {
    const result = await client.publisher.sendWorkflow(group([signature(double, 1), add(1, 2)]));
    expect(await result.result({ timeout: '60s' })).to.deep.equal([2, 3]);
  });

  it('refuse a chord before anything is sent, also one that comes later', async () => {
    const refused = signature<unknown, number>('refused');
    for (const one of [chord([refused], add()), chain(refused, group([refused]) as never, add() as never)])
      expect(await rejection(client.publisher.sendWorkflow(one))).to.include({
        code: 'ERR_CHORD_BACKEND',
      });
    await (await client.publisher.send('add', [1])).result({ timeout: '60s' });
    expect(node.settled.filter(({ name }) => name === 'refused')).to.deep.equal([]);
  });

  it('end in a failure where a value cannot be handed on', async () => {
    errbacks.length = 0;
    const whole = chain(signature<undefined, number>('function'), add(1)).linkError(signature('errback'));
    const result = await client.publisher.sendWorkflow(whole);
    expect(await rejection(result.result({ timeout: '60s' }))).to.include({
      code: 'ERR_TASK_FAILED',
      excType: 'EncodeError',
    });
    await waitFor(() => errbacks.length > 0);
    expect(errbacks).to.deep.equal([[result.taskIds[0]]]);
  });

  it('put aside what cannot be read, before it runs', async () => {
    const headers = { task: 'add', id: 'broken', lang: 'py' };
    for (const embed of [
      { chain: [5] },
      { callbacks: [{ task: 1 }] },
      { chord: { task: 'x', options: { task_id: {} } } },
    ])
      await vhost.publish('q', JSON.stringify([[1], {}, embed]), {
        headers,
        contentType: 'application/json',
      });
    const counted = { chord: { task: 'add', args: [], kwargs: {}, options: {} } };
    const member = { ...headers, group: 'g', group_index: 0 };
    await vhost.publish('q', JSON.stringify([[1], {}, counted]), {
      headers: member,
      contentType: 'application/json',
    });

    const ended = () => node.settled.filter(({ id }) => id === 'broken');
    await waitFor(() => ended().length === 4, { what: 'four dead letters' });
    const reasons = ended().map(({ verdict }) =>
      verdict.kind === 'deadLetter' ? verdict.reason : verdict.kind,
    );
    expect(reasons.sort()).to.deep.equal(['invalid', 'malformed', 'malformed', 'malformed']);
  });
});

describe('chords in Redis', () => {
  let redis: Redis;
  let connection: RedisConnection;
  let chords: RedisChords;

  before(async function () {
    requireRedis(this);
    redis = await Redis.start();
    const { hostname, port } = new URL(redis.url);
    const address = {
      hostname,
      port: Number(port),
      database: 0,
      isTls: false,
      username: undefined,
      password: undefined,
    };
    const logger = createLogger({ level: 'error' });
    connection = await RedisConnection.open(address as never, { name: 'test', logger, clock: systemClock });
    await connection.ready();
    chords = new RedisChords({ redis: () => Promise.resolve(connection), expiresMs: 60_000 });
  });

  after(async () => {
    await connection.close();
    await redis[Symbol.asyncDispose]();
  });

  const part = (groupId: string, index: number, value: unknown) => ({
    groupId,
    index,
    part: { id: `${groupId}-${index}`, status: 'SUCCESS' as const, value },
    bodyId: `${groupId}-body`,
  });

  it('count a task that runs twice once, and its last value', async () => {
    await chords.expect('twice', 3);
    expect(await chords.ended(part('twice', 1, 'a'))).to.equal(undefined);
    expect(await chords.ended(part('twice', 1, 'b'))).to.equal(undefined);
    expect(await chords.ended(part('twice', 0, 'c'))).to.equal(undefined);
    expect(await chords.ended(part('twice', 2, 'd'))).to.deep.equal({
      kind: 'complete',
      values: ['c', 'b', 'd'],
    });
  });

  it('are completed by one task: by that one again when it comes back, until the body was seen', async () => {
    await chords.expect('back', 2);
    await chords.ended(part('back', 0, 1));
    const complete = { kind: 'complete', values: [1, 2] };
    expect(await chords.ended(part('back', 1, 2))).to.deep.equal(complete);
    expect(await chords.ended(part('back', 0, 1))).to.equal(undefined);
    expect(await chords.ended(part('back', 1, 2))).to.deep.equal(complete);
    await connection.client.set(
      'celery-task-meta-back-body',
      JSON.stringify({ status: 'SUCCESS', task_id: 'back-body' }),
    );
    expect(await chords.ended(part('back', 1, 2))).to.deep.equal({ kind: 'sent' });
    await chords.done('back');
    expect(await chords.ended(part('back', 1, 2))).to.equal(undefined);
    expect(await chords.hasSucceeded('back-body')).to.equal(true);
  });

  it('count what a Python worker told twice once as well', async () => {
    await chords.expect('python', 2);
    const entry = (value: number): string => JSON.stringify([1, 'python-0', 'SUCCESS', value]);
    await connection.client.zadd('celery-taskset-meta-python.j', 0, entry(1), 0, entry(2));
    const joined = await chords.ended(part('python', 1, 3));
    expect(joined?.kind).to.equal('complete');
    expect(joined?.kind === 'complete' && joined.values.length).to.equal(2);
  });

  it('join a header of groups as Python saved it', async () => {
    const tree = {
      result: [
        ['saved', null],
        [
          [['in', null], [[['saved-0', null], null]]],
          [['saved-1', null], null],
        ],
      ],
    };
    await connection.client.set('celery-taskset-meta-saved', JSON.stringify(tree));
    for (const [id, result] of [
      ['saved-0', 'x'],
      ['saved-1', 'y'],
    ] as const)
      await connection.client.set(
        `celery-task-meta-${id}`,
        JSON.stringify({ status: 'SUCCESS', result, task_id: id }),
      );
    await chords.expect('saved', 2);
    await chords.ended(part('saved', 0, 'x'));
    expect(await chords.ended(part('saved', 1, 'y'))).to.deep.equal({
      kind: 'complete',
      values: [['x'], 'y'],
    });
  });

  it('are sent from handlers, and run by a pool of processes', async function () {
    requireRabbit(this);
    await using vhost = await Vhost.create();
    const config = configFor(vhost.url, { tasks: { default_queue: 'q', result_backend: redis.url } });
    await using node = new WatchedWorker(
      { ...config, task_handler: { pool: 'threads', concurrency: 2 } },
      {
        handlers: new URL('../support/programs/workflow-tasks.js', import.meta.url),
      },
    );
    await node.worker.start();
    await using client = await WatchedPublisher.open(config);
    const body = await (
      await client.publisher.sendWorkflow(signature<undefined, string>('chord-of', [3]))
    ).result({ timeout: '60s' });
    expect(await client.publisher.result(body).result({ timeout: '60s' })).to.equal(3);
    const replaced: AnySignature = chain(signature('replaced', [1]), signature('plus-one'));
    expect(
      await (await client.publisher.sendWorkflow(replaced as Signature)).result({ timeout: '60s' }),
    ).to.equal(12);
    const result = await client.publisher.sendWorkflow(
      chain(
        signature<undefined, number>('plus-one', [1], { queue: 'nobody' }),
        signature<number, number>('plus-one'),
      ),
    );
    expect((await result.cancelAll()).length).to.equal(2);
  });
});
