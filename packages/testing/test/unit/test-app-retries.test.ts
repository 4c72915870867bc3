/** Retries and delays in a test app: what fails comes again in virtual time, with everything as it was. */
import { AssertionError } from 'node:assert';

import { currentTask, Reject, Retry, type TaskContext, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import { type RunResult, testApp, type VirtualClock, virtualClock } from '../../dist/index.js';
import { dealUpdated } from '../support/billing.js';

const fixed = { backoff: 'fixed', delay: '10s' } as const;

/** Lets time pass and runs what is due, until nothing waits. */
async function untilNothingWaits(
  app: { drain(): Promise<readonly RunResult[]> },
  clock: VirtualClock,
): Promise<RunResult[]> {
  const all: RunResult[] = [];
  for (let round = 0; round < 10; round++) {
    await clock.advance('10s');
    all.push(...(await app.drain()));
  }
  return all;
}

describe('retries in a test app', () => {
  it('come after their delay, until one succeeds', async () => {
    const clock = virtualClock();
    const attempts: [number, number][] = [];
    const start = clock.now();
    await using app = await testApp({
      clock,
      register: (worker: Worker) =>
        worker.task(
          'flaky',
          (order: string) => {
            const { attempt } = currentTask() as TaskContext;
            attempts.push([attempt, clock.now() - start]);
            if (attempt < 3) throw new Error('not yet');
            return order;
          },
          { retry: { max: 5, ...fixed } },
        ),
    });

    const first = await app.run('flaky', ['7']);
    await clock.advance('9s');
    const tooSoon = await app.drain();
    await clock.advance('1s');
    const [second] = await app.drain();
    await clock.advance('10s');
    const [third] = await app.drain();

    expect(first).to.include({ status: 'failed', settled: 'retried' });
    expect(first.expectRetried()).to.include({ attempt: 1, of: 6, delayMs: 10_000 });
    expect(tooSoon).to.deep.equal([]);
    expect(second!.expectRetried()).to.include({ attempt: 2, of: 6 });
    expect(third!.expectSucceeded()).to.equal('7');
    expect([first.id, second!.id]).to.deep.equal([third!.id, third!.id]);
    expect(attempts).to.deep.equal([
      [1, 0],
      [2, 10_000],
      [3, 20_000],
    ]);
    app.expectNothingSent(); // retries are not sends
  });

  it('go on until one succeeds where there is no end', async () => {
    const clock = virtualClock();
    let runs = 0;
    await using app = await testApp({
      clock,
      config: { task_handler: { retry: { max: 'unlimited', ...fixed } } },
      register: (worker) =>
        worker.task('flaky', () => {
          if (++runs <= 20) throw new Error('not yet');
        }),
    });

    let last = await app.run('flaky');
    while (last.settled === 'retried') {
      await clock.advance('10s');
      [last] = (await app.drain()) as [RunResult];
    }

    last.expectSucceeded();
    expect(runs).to.equal(21);
  });

  it('end in the dead-letter queue, which tells of all of them', async () => {
    const clock = virtualClock();
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task(
          'broken',
          () => {
            throw new RangeError('never');
          },
          { retry: { max: 2, ...fixed } },
        ),
    });

    await app.run('broken');
    const results = await untilNothingWaits(app, clock);

    expect(results.map(({ settled }) => settled)).to.deep.equal(['retried', 'dead-lettered']);
    const { headers, reason, detail } = results[1]!.deadLetter!;
    expect([reason, detail]).to.deep.equal(['failed', 'exhausted']);
    expect(headers).to.include({
      'celeriac-attempts': 3,
      'celeriac-first-time': '2026-01-01T00:00:00+00:00',
      'celeriac-error': 'never',
    });
  });

  it('of an event concern only the application that failed, and all of its handlers', async () => {
    const clock = virtualClock();
    const calls: string[] = [];
    await using app = await testApp({
      clock,
      register: (worker) => {
        worker
          .application('crm')
          .on(dealUpdated, (_event, { attempt }) => void calls.push(`crm a ${attempt}`))
          .on(
            'core.limeobject.deal.#',
            (event, { attempt }) => {
              calls.push(`crm b ${attempt} ${event.type}`);
              if (attempt === 1) throw new Error('boom');
            },
            { retry: { max: 1, ...fixed } },
          );
        worker.application('audit').on('#', () => void calls.push('audit'));
      },
    });

    const first = await app.publishEvent(dealUpdated, { id: 7, values: { name: 'x' } });
    const results = await untilNothingWaits(app, clock);

    expect(first.of('crm').settled).to.equal('retried');
    expect(results.map(({ application, settled }) => [application, settled])).to.deep.equal([
      ['crm', 'acked'],
    ]);
    const key = 'core.limeobject.deal.update.v1';
    expect(calls).to.have.members(['crm a 1', `crm b 1 ${key}`, 'audit', 'crm a 2', `crm b 2 ${key}`]);
  });

  it('are asked for and refused by what a handler throws', async () => {
    const clock = virtualClock();
    const thrown: Error[] = [
      new Retry({ delay: '5s', cause: new Error('busy') }),
      new Reject('bad', { requeue: true }),
      new Reject('bad'),
    ];
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task('picky', () => {
          throw thrown.shift()!;
        }),
    });

    const retried = await app.run('picky');
    await clock.advance('5s');
    const [requeued] = await app.drain();
    const rejected = await app.run('picky');

    expect(retried.expectRetried()).to.include({ attempt: 1, of: 4, delayMs: 5000 });
    expect(requeued).to.include({ settled: 'requeued' });
    expect(rejected.expectDeadLettered('rejected')).to.have.property('message', 'bad');
    expect(() => rejected.expectRetried()).to.throw(AssertionError, /to be retried/u);
  });
});

describe('delays in a test app', () => {
  it('keep what is sent until its time, and show where it goes', async () => {
    const clock = virtualClock();
    await using app = await testApp({
      clock,
      register: (worker) => {
        worker.task('remind', () => 'reminded');
        worker.task('order', async () => {
          await currentTask()!.tasks.send('remind', [1], { queue: 'mail', delay: '1h' });
        });
      },
    });

    await app.run('order');
    const sent = app.expectSent('remind', [1]);
    const tooSoon = await app.drain();
    await clock.advance('1h');
    const [result] = await app.drain();

    expect(sent).to.include({ queue: 'mail' });
    expect(sent.message.eta).to.equal(Date.UTC(2026, 0, 1, 1));
    expect(tooSoon).to.deep.equal([]);
    expect(result!.expectSucceeded()).to.equal('reminded');
    expect(result).to.include({ queue: 'mail' });
  });

  it('are kept by a run as well: it is moved to its time', async () => {
    const clock = virtualClock();
    await using app = await testApp({ clock, register: (worker) => worker.task('remind', () => 'done') });

    const early = await app.run('remind', [], { delay: '10m' });
    await clock.advance('10m');
    const [result] = await app.drain();

    expect(early.settled).to.equal('postponed');
    expect(result!.expectSucceeded()).to.equal('done');
  });
});
