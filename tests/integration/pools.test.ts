/** Pools of threads and of processes: what ends a task, what does not, and what comes back from inside. */
import { expect } from 'chai';

import { rejection } from '../support/clients.js';
import { errorOf, Scene, valueOf } from '../support/pool-scene.js';
import { dated } from '../support/programs/pool-tasks.js';
import { waitFor } from '../support/wait-for.js';

const mebibyte = 2 ** 20;

for (const pool of ['threads', 'processes'] as const) {
  describe(`a pool of ${pool}`, () => {
    it('runs tasks outside of the main thread, with their arguments, and validated input', async () => {
      await using scene = await Scene.open({ pool });

      expect(valueOf(await scene.run('add', [2, 3]))).to.equal(5);
      expect(valueOf(await scene.run('where')))
        .to.be.a('string')
        .and.not.equal(`${process.pid}/process`);
      const { id } = await scene.sender.send(dated, { at: '2031-05-01' });
      expect(valueOf(await scene.settled(id))).to.equal(2031);
      const { outcome, verdict } = await scene.run('dated', [{ at: 'no date' }]);
      expect(outcome.kind).to.equal('invalid');
      expect(verdict).to.include({ kind: 'deadLetter', reason: 'invalid' });
    });

    it('gives results to who waits; what JSON cannot carry is a failure, and so is a dead child', async () => {
      await using scene = await Scene.open({ pool, max_crashes: 1 }, { tasks: { result_backend: 'rpc://' } });
      const timeout = '60s';
      const result = async (name: string, args: unknown[] = []): Promise<unknown> =>
        (await scene.sender.send(name, args)).result({ timeout });

      expect(await result('give')).to.deep.equal({ at: '1970-01-01T00:00:00.000Z', big: 2n ** 70n });
      expect(await result('give-written')).to.deep.equal({ written: true });
      const code = await rejection(result('give-code'));
      expect(code).to.include({ code: 'ERR_TASK_FAILED', excType: 'EncodeError' });
      expect(code.message).to.include('result.where is function');
      expect(await rejection(result('exit', [3]))).to.include({ excType: 'WorkerLostError' });
      const parent = await scene.sender.send('parent');
      const child = await parent.result({ timeout });
      expect((await parent.children()).map(({ id }) => id)).to.deep.equal([child]);
    });

    it('ends an endless loop at the hard limit, while other tasks go on', async () => {
      await using scene = await Scene.open({ pool, hard_time_limit: '1s' });

      const other = await scene.send('heed', [], { timeLimit: { hard: '1h' } });
      await scene.said(other);
      const { id, outcome, verdict } = await scene.run('spin');

      expect(outcome).to.include({ kind: 'timedOut', limitMs: 1000 });
      expect((outcome as { error: unknown }).error).to.include({ code: 'ERR_HARD_TIME_LIMIT' });
      expect(verdict).to.include({ kind: 'deadLetter', reason: 'timed-out' });
      expect(valueOf(await scene.run('add', [2, 2]))).to.equal(4);
      expect(scene.children.map(({ task }) => task))
        .to.include(other)
        .and.not.include(id);
    });

    it("keeps the sender's hard limit", async () => {
      await using scene = await Scene.open({ pool });
      const { outcome } = await scene.run('spin', [], { timeLimit: { hard: '0.5s' } });
      expect(outcome).to.include({ kind: 'timedOut', limitMs: 500 });
    });

    it('tries a task that ends its child a few times, then puts it aside; others do not notice', async () => {
      await using scene = await Scene.open({ pool, max_crashes: 2, retry: { delay: '10ms' } });

      const other = await scene.send('heed', [], { timeLimit: { soft: '4s' } });
      await scene.said(other);
      const id = await scene.send('exit', [3]);
      const letter = await waitFor(
        () => scene.watched.settled.find((one) => one.id === id && one.verdict.kind === 'deadLetter'),
        { what: 'the dead letter' },
      );

      const ends = scene.watched.settled.filter((one) => one.id === id);
      expect(ends.map(({ verdict }) => verdict.kind)).to.deep.equal(['retry', 'deadLetter']);
      expect(letter.verdict).to.include({ reason: 'crashed', crashes: 2, attempts: 2 });
      expect(errorOf(letter)).to.include({ code: 'ERR_CHILD_DIED' });
      expect(errorOf(letter).values).to.include({ exitCode: 3 });
      expect((await scene.settled(other)).outcome).to.include({ kind: 'timedOut', limitMs: 4000 });
    });

    it('tells what was thrown where nobody caught it', async () => {
      await using scene = await Scene.open({ pool, max_crashes: 1 });
      const settled = await scene.run('throw-later');
      expect(settled.verdict).to.include({ kind: 'deadLetter', reason: 'crashed' });
      expect(errorOf(settled).cause).to.be.instanceOf(RangeError);
      expect((errorOf(settled).cause as Error).message).to.equal('nobody caught this');
    });

    it('ends a task that takes more memory than it may', async () => {
      await using scene = await Scene.open({
        pool,
        max_crashes: 1,
        max_memory: pool === 'threads' ? 64 * mebibyte : 200 * mebibyte,
      });
      for (const task of pool === 'threads' ? ['eat'] : ['eat', 'eat-buffers']) {
        const settled = await scene.run(task);
        expect(settled.verdict).to.include({ kind: 'deadLetter', reason: 'crashed' });
        expect(errorOf(settled)).to.include({ code: 'ERR_MEMORY_LIMIT' });
      }
      expect(valueOf(await scene.run('add', [2, 2]))).to.equal(4);
    });

    it('replaces a child after its share of tasks, and one that has grown too big', async () => {
      await using scene = await Scene.open({ pool, concurrency: 1, max_tasks_per_child: 2 });
      const places = [];
      for (let n = 0; n < 4; n++) places.push(valueOf(await scene.run('where')));
      expect(places[0]).to.equal(places[1]);
      expect(places[2]).to.equal(places[3]).and.not.equal(places[0]);

      await using small = await Scene.open({ pool, concurrency: 1, max_memory_per_child: 100 * mebibyte });
      const [before, hoarder, after] = [
        await small.run('where'),
        await small.run('hoard'),
        await small.run('where'),
      ];
      expect(valueOf(before)).to.equal(valueOf(hoarder)).and.not.equal(valueOf(after));
    });

    it('ends well with what a channel between processes cannot carry', async () => {
      await using scene = await Scene.open({ pool, max_crashes: 1 });
      expect((await scene.run('blob')).outcome.kind).to.equal('succeeded');
    });

    it('carries log lines, progress and the facts of the message', async () => {
      await using scene = await Scene.open({ pool });
      const { id } = await scene.sender.send('talk', [], { headers: { 'x-own': 'kept' } });
      const settled = await scene.settled(id);

      expect(valueOf(settled)).to.deep.equal({ id, attempt: 1, queue: 'celeriac', own: 'kept' });
      expect(scene.progress).to.deep.equal([{ id, name: 'talk', queue: 'celeriac', value: { percent: 50 } }]);
      const [line] = scene.watched.log.matching(/said from inside/u);
      expect(line).to.include({ level: 'warn', task: 'talk', id, n: 7 });
      expect(line?.error).to.include({ type: 'TypeError', message: 'not that bad' });
    });

    it('fires the signal of the soft limit inside', async () => {
      await using scene = await Scene.open({ pool, soft_time_limit: '0.3s' });
      const settled = await scene.run('heed');
      expect(settled.outcome).to.include({ kind: 'timedOut', limitMs: 300 });
      expect(errorOf(settled)).to.include({ code: 'ERR_SOFT_TIME_LIMIT' });
    });

    it('gives fencing numbers inside, and knows there which unique keys are taken', async () => {
      await using scene = await Scene.open({ pool });
      const key = `${pool} ${scene.broker.url}`; // the store in memory is that of the whole process

      expect(valueOf(await scene.run('fencing', [key]))).to.be.greaterThan(Date.UTC(2020, 0, 1));
      expect((await scene.run('fencing', [key])).outcome.kind).to.equal('repeated');
      expect(valueOf(await scene.run('send-unique', [key]))).to.equal(true);
    });

    it('sends tasks and events from inside, and tells inside what was refused', async () => {
      await using scene = await Scene.open({ pool });
      const settled = await scene.run('send-on', [41]);

      const { id, unrouted } = valueOf(settled) as { id: string; unrouted: string };
      expect(unrouted).to.equal('ERR_PUBLISH_UNROUTABLE');
      expect(valueOf(await scene.settled(id))).to.equal(42);
    });

    it('brings errors back with what judge and people need of them', async () => {
      await using scene = await Scene.open({
        pool,
        retry: { max: 1, delay: '1ms', never: ['Unheard'] },
      });
      const failed = await scene.run('fail', ['busy']);
      expect(errorOf(failed)).to.include({
        name: 'Error',
        message: 'as always',
        code: 'E_BUSY',
        retryAfter: 7,
      });
      expect(errorOf(failed).stack).to.include('pool-tasks');
      expect(errorOf(failed).cause).to.be.instanceOf(SyntaxError);
      expect(failed.verdict).to.include({ kind: 'retry', delayMs: 7000 });

      expect((await scene.run('fail', ['retry'])).verdict).to.include({ kind: 'retry', delayMs: 90_000 });
      const { verdict } = await scene.run('fail', ['reject']);
      expect(verdict).to.include({ kind: 'deadLetter', reason: 'rejected' });
    });

    it('grows with the work, and shrinks when there is none', async () => {
      await using scene = await Scene.open({
        pool,
        concurrency: 3,
        min_concurrency: 1,
        idle_timeout: '0.2s',
        soft_time_limit: '5s',
      });
      expect(scene.children).to.have.length(1);
      const ids = [await scene.send('heed'), await scene.send('heed'), await scene.send('heed')];
      for (const id of ids) await scene.said(id);
      expect(scene.children).to.have.length(3);
      for (const id of ids) await scene.settled(id);

      await waitFor(() => scene.children.length === 1, { what: 'two of three to be ended' });
      expect(valueOf(await scene.run('add', [1, 2]))).to.equal(3);
    });

    it('ends what does not heed its signal when the worker stops, and gives its message back', async () => {
      await using scene = await Scene.open({ pool });
      const id = await scene.send('spin');
      await scene.said(id);

      const report = await scene.watched.worker.stop({ grace: 0 });

      expect(report).to.deep.equal({ drained: false, unfinished: 0 });
      expect((await scene.settled(id)).verdict).to.deep.equal({ kind: 'requeue', countsAsFailure: false });
      expect(scene.children).to.have.length(0);
    });
  });
}
