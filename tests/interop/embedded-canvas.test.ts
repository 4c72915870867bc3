/** What Celery makes of tasks (retries, times, chains, groups, chords) over the embedded broker, results included. */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { pythonCalls, PythonWorker, requireCelery } from '../support/python.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

/** The loop of kombu 5.2 may sleep on acknowledgements with a pool in its own process; with children it does not. */
const pool = ['--pool=prefork', '--concurrency=2'];

/** Named as rpc:// names the queue of a program's results. */
const isOfReplies = (name: string): boolean => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u.test(name);

interface Attempt {
  readonly id: string;
  readonly retries: number;
  readonly began: number;
}

describe('Celery over the embedded broker', () => {
  describe('with results by rpc://', () => {
    let broker: DevBroker;
    let worker: PythonWorker;

    before(async function () {
      requireCelery(this);
      broker = await startBroker();
      worker = await PythonWorker.start(broker.url, { app: 'canvas_app', options: pool });
    });

    after(async () => {
      await worker[Symbol.asyncDispose]();
      await broker.stop();
    });

    it('tries again when a task asks for it, after the countdown each time', async () => {
      const retries = await pythonCalls<number>(broker.url, ['retried', 2, 0.5]);

      const attempts = await worker.records<Attempt>();
      expect(retries).to.equal(2);
      expect(attempts.map((attempt) => attempt.retries)).to.deep.equal([0, 1, 2]);
      expect(new Set(attempts.map(({ id }) => id)).size).to.equal(1);
      const [first, second, third] = attempts as [Attempt, Attempt, Attempt];
      expect(second.began - first.began).to.be.at.least(0.5);
      expect(third.began - second.began).to.be.at.least(0.5);
    });

    it('starts nothing before its countdown or its eta', async () => {
      const times = await pythonCalls<Record<'due' | 'countdown' | 'eta', number>>(broker.url, ['later', 1]);

      expect(times.countdown).to.be.at.least(times.due);
      expect(times.eta).to.be.at.least(times.due);
    });

    it('tells of a failure what it was', async () => {
      const error = await pythonCalls<Record<string, unknown>>(broker.url, ['failed', 'ačme']);

      expect(error).to.deep.include({ type: 'ValueError', args: ['ačme'] });
      expect(error.traceback).to.match(/^Traceback \(most recent call last\):[\s\S]*ValueError: ačme\n$/u);
    });

    it('hands the result of each link of a chain to the next', async () => {
      expect(await pythonCalls(broker.url, ['chained', 1, 2, 3, 4])).to.equal(10);
    });

    it('collects a group in its order', async () => {
      const doubled = Array.from({ length: 50 }, (_, index) => 2 * index);

      expect(await pythonCalls(broker.url, ['grouped', 50])).to.deep.equal(doubled);
    });

    it('leaves nothing behind: no message, and no queue of a program that has ended', async () => {
      // The broker may hear of the program's end a moment after its parent did.
      const queues = await waitFor(() => {
        const all = broker.queues('/');
        return all.every(({ name, messages }) => messages === 0 && !isOfReplies(name)) && all;
      });

      expect(queues.map(({ name }) => name)).to.include('celery');
    });
  });

  describe('with results in Redis', () => {
    let broker: DevBroker;
    let redis: Redis;
    let worker: PythonWorker;

    before(async function () {
      requireCelery(this);
      requireRedis(this);
      broker = await startBroker();
      redis = await Redis.start();
      const env = { INTEROP_BACKEND: redis.url };
      worker = await PythonWorker.start(broker.url, { app: 'canvas_app', options: pool, env });
    });

    after(async () => {
      await worker[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
      await broker.stop();
    });

    const calls = (...call: [string, ...unknown[]]): Promise<unknown> =>
      pythonCalls(broker.url, call, { INTEROP_BACKEND: redis.url });

    it('runs the body of a chord once, with every result of its header', async () => {
      expect(await calls('chord_of', 100)).to.equal(9900);
    });

    it('runs a chord in the middle of a chain', async () => {
      // 1, then 1 + 0 … 1 + 9, their sum, and a thousand.
      expect(await calls('chain_of_chords', 10)).to.equal(1055);
    });

    it('fails the body of a chord whose header failed', async () => {
      const error = (await calls('broken_chord', 'no')) as Record<string, unknown>;

      expect(error.type).to.equal('ChordError');
      expect(error.text).to.match(/ValueError\('no'\)/u);
    });
  });
});
