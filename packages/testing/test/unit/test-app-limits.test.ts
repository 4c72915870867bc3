/** Limits of tasks on a clock that a test moves: through the whole way of the worker, with minutes that cost nothing. */
import { defineTask, type Recovered, type Tripped, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { testApp } from '../../dist/app.js';
import type { RunResult } from '../../dist/run-result.js';
import { virtualClock } from '../../dist/virtual-clock.js';

const report = defineTask({
  name: 'report',
  input: { type: 'object', properties: { tenant: { type: 'string' } }, required: ['tenant'] },
  concurrency: { max: 1, key: (input) => input.tenant },
});

async function appWith(register: (worker: Worker) => unknown) {
  const clock = virtualClock();
  const app = await testApp({ register, clock });
  return { app, clock, [Symbol.asyncDispose]: () => app.close() };
}

function mostIn(spanMs: number, starts: readonly number[]): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at < from + spanMs).length));
}

const waits = ({ settled, status }: RunResult): string => (status === 'deferred' ? settled : status);

describe('testApp', () => {
  it('keeps a rate limit: 10 a minute of 100, while 20 others run at once', async () => {
    const starts: number[] = [];
    let others = 0;
    await using scene = await appWith((worker) => {
      worker.task('a', () => void starts.push(scene.clock.now()), { rateLimit: '10/m' });
      worker.task('b', () => (others += 1));
    });
    const { app, clock } = scene;
    await app.publisher.sendMany('a', Array<unknown[]>(100).fill([]));
    await app.publisher.sendMany('b', Array<unknown[]>(20).fill([]));

    await app.drain();
    expect(others).to.equal(20);
    expect(starts).to.have.length(1);
    for (let second = 0; second < 700; second++) {
      await clock.advance('1s');
      await app.drain();
    }

    expect(starts).to.have.length(100);
    expect(mostIn(60_000, starts)).to.equal(10);
    expect(starts.at(-1)! - starts[0]!).to.be.within(9.9 * 60_000, 10.4 * 60_000);
  });

  it('gives the turns of a rate limit to those who can use them, when many wait that expire before', async () => {
    const started: string[] = [];
    const expired: number[] = [];
    await using scene = await appWith((worker) => {
      worker.task('a', (name = 'old') => void started.push(name), { rateLimit: '10/m' });
      worker.on('settled', ({ outcome }) => {
        if (outcome.kind === 'expired') expired.push(scene.clock.now());
      });
    });
    const { app, clock } = scene;
    const since = clock.now();
    await app.publisher.sendMany('a', Array<unknown[]>(1000).fill([]), { expires: '1m' });
    await app.drain();
    for (let second = 0; second < 80; second++) {
      if (second === 62) await app.publisher.send('a', ['new']);
      await clock.advance('1s');
      await app.drain();
    }

    // A thousand turns would be more than an hour and a half.
    expect(started.at(-1)).to.equal('new');
    expect(started).to.have.length.within(9, 12);
    expect(expired).to.have.length(1001 - started.length);
    expect(Math.max(...expired) - since).to.be.within(60_000, 62_000);
  });

  it('counts the attempts of a retry as starts', async () => {
    const starts: number[] = [];
    await using scene = await appWith((worker) =>
      worker.task(
        'a',
        () => {
          starts.push(scene.clock.now());
          throw new Error('no');
        },
        { rateLimit: { limit: 2, per: '1m' }, retry: { max: 2, delay: '1s', backoff: 'fixed' } },
      ),
    );
    const { app, clock } = scene;
    await app.run('a');
    for (let second = 0; second < 80; second++) {
      await clock.advance('1s');
      await app.drain();
    }

    expect(starts).to.have.length(3);
    expect(mostIn(60_000, starts)).to.equal(2);
  });

  it('counts rates and seats per key of the input, by path or function', async () => {
    await using scene = await appWith((worker) => {
      worker.task('by.path', () => undefined, { rateLimit: { limit: 1, per: '1m', key: '0.account' } });
      worker.task('failing.key', () => undefined, {
        rateLimit: {
          limit: 1,
          per: '1m',
          key: () => {
            throw new Error('no');
          },
        },
      });
    });
    const { app } = scene;
    const run = async (task: string, input?: unknown) => waits(await app.run(task, input));

    expect(await run('by.path', [{ account: 'x' }])).to.equal('succeeded');
    expect(await run('by.path', [{ account: 'y' }])).to.equal('succeeded');
    expect(await run('by.path', [{ account: 'x' }])).to.equal('postponed');
    expect(await run('by.path', [])).to.equal('succeeded');
    expect(await run('by.path', [null])).to.equal('postponed');
    expect(await run('failing.key')).to.equal('succeeded');
    expect(await run('failing.key')).to.equal('postponed');
  });

  it('runs no more of a key at once than there are seats, and gives seats back', async () => {
    const ends: (() => void)[] = [];
    await using scene = await appWith((worker) =>
      worker.task(report, () => new Promise<void>((resolve) => void ends.push(resolve))),
    );
    const { app, clock } = scene;
    const first = app.run(report, { tenant: 'a' });
    const second = await app.run(report, { tenant: 'a' });
    const other = app.run(report, { tenant: 'b' });
    await clock.advance('1ms');

    expect(waits(second)).to.equal('postponed');
    expect(ends).to.have.length(2);
    for (const end of ends) end();
    for (const result of await Promise.all([first, other])) result.expectSucceeded();
    await clock.advance('2s');
    const drained = app.drain();
    await clock.advance('1ms');
    ends.at(-1)!();
    expect((await drained).map(waits)).to.deep.equal(['succeeded']);
  });

  it('pauses a task that fails, says so, tries one, and runs it again', async () => {
    const tripped: Tripped[] = [];
    const recovered: Recovered[] = [];
    let works = false;
    await using scene = await appWith((worker) => {
      const killSwitch = { failures: 0.5, minimum: 4, within: '60s', pause: '30s' };
      worker.task('bank', () => works || Promise.reject(new Error('closed')), { killSwitch });
      worker.task('other', () => undefined);
      worker.on('tripped', (one) => tripped.push(one)).on('recovered', (one) => recovered.push(one));
    });
    const { app, clock } = scene;
    const run = async (task: string) => waits(await app.run(task));

    for (let n = 0; n < 4; n++) expect(await run('bank')).to.equal('failed');
    expect(tripped).to.deep.equal([
      { name: 'bank', failures: 4, results: 4, pauseMs: 30_000, isAgain: false },
    ]);
    expect(await run('bank')).to.equal('postponed');
    expect(await run('other')).to.equal('succeeded');

    await clock.advance('30s');
    expect(await run('bank')).to.equal('failed');
    expect(tripped.at(-1)).to.include({ isAgain: true });
    works = true;
    await clock.advance('20s');
    expect((await app.drain()).map(waits)).to.satisfy((all: unknown[]) => !all.includes('succeeded'));
    await clock.advance('60s');
    expect((await app.drain()).map(waits)).to.deep.equal(['succeeded']);
    expect(recovered).to.deep.equal([{ name: 'bank' }]);
    expect(await run('bank')).to.equal('succeeded');
  });
});
