/** Time in a test app: soft limits, expiry, eta and shutdown under a virtual clock. */
import { isCeleriacError } from '@celeriac/core';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { testApp, virtualClock } from '../../dist/index.js';
import { mail, register } from '../support/billing.js';

describe('time in a test app', () => {
  it('passes only when the test says so: a soft time limit fires ten minutes later', async () => {
    const clock = virtualClock();
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task(
          'slow',
          async () => {
            const { signal } = currentTask()!;
            await clock.sleep(3_600_000, signal);
            signal.throwIfAborted();
          },
          { softTimeLimit: '10m' },
        ),
    });
    const running = app.run('slow');
    let isOver = false;
    void running.then(() => (isOver = true));

    await clock.advance('9m');
    expect(isOver).to.equal(false);
    await clock.advance('1m');

    const result = await running;
    result.expectDeadLettered('timed-out');
    expect(isCeleriacError(result.error, 'ERR_SOFT_TIME_LIMIT')).to.equal(true);
  });

  it('lets a task expire while it waits', async () => {
    const clock = virtualClock();
    await using app = await testApp({ clock, register });
    await app.publisher.send(mail, {}, { expires: '5m' });

    await clock.advance('10m');
    const [result] = await app.drain();

    result?.expectDeadLettered('expired');
  });

  it('moves a task to its eta, where drain finds it', async () => {
    const clock = virtualClock({ start: '2026-05-01T12:00:00Z' });
    const ran: string[] = [];
    await using app = await testApp({
      clock,
      register: (worker) => worker.task('later', () => ran.push(new Date(clock.now()).toISOString())),
    });

    const early = await app.deliver({
      body: '[[],{},{}]',
      headers: { task: 'later', id: '1', eta: '2026-05-01T12:10:00Z' },
    });
    await clock.advance('9m');
    const none = await app.drain();
    await clock.advance('1m');
    const [result] = await app.drain();

    expect(early).to.include({ status: 'tooEarly', settled: 'postponed' });
    expect(none).to.deep.equal([]);
    result!.expectSucceeded();
    expect(ran).to.deep.equal(['2026-05-01T12:10:00.000Z']);
    app.expectNothingSent(); // it is the same message, not another one
  });

  it('is moved on by close for a handler that does not end', async () => {
    const clock = virtualClock();
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const app = await testApp({
      clock,
      register: (worker) =>
        worker.task('stuck', () => {
          begin();
          return new Promise(() => undefined);
        }),
    });
    void app.run('stuck');
    await begun; // one that has not begun goes back at once

    await app.close();

    expect(clock.monotonic()).to.be.greaterThan(0);
  });

  it('gives a running handler back to its queue when the worker stops', async () => {
    const clock = virtualClock();
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task('long', async () => {
          const { signal } = currentTask()!;
          await clock.sleep(3_600_000, signal);
          signal.throwIfAborted();
        }),
    });
    const running = app.run('long');
    await clock.advance(1);

    const stopping = app.stop({ grace: '30s' });
    await clock.advance('30s');

    const result = await running;
    expect(result).to.include({ status: 'aborted', settled: 'requeued' });
    expect(await stopping).to.include({ drained: false });
  });
});
