/** Results in tests of applications: kept in memory, as Redis would keep them. */
import { defineTask, Retry } from '@celeriac/worker';
import { expect } from 'chai';

import { testApp, testPublisher, virtualClock } from '../../dist/index.js';

const double = defineTask({ name: 'double', input: { type: 'integer' }, output: { type: 'integer' } });
const rejected = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('results of a test application', () => {
  it('are there for who sent the task, when it has run', async () => {
    await using app = await testApp({
      register: (worker) => {
        worker.task(double, (number) => 2 * number);
        worker.task('fail', () => {
          throw new TypeError('wrong');
        });
        worker.task('big', () => () => 1);
      },
    });
    const { publisher } = app;
    const receipt = await publisher.send(double, 4);
    const waiting = publisher.task(double).delay(5);
    expect(await receipt.status()).to.include({ state: 'PENDING', isReady: false });
    await app.drain();
    expect(await receipt.result()).to.equal(8);
    expect(await (await waiting).result()).to.equal(10);
    expect(await publisher.result(receipt.id).status()).to.include({ state: 'SUCCESS', value: 8 });

    const failed = await publisher.send('fail');
    const unfit = await publisher.send('big');
    const early = rejected(failed.result());
    await app.drain();
    expect(await early).to.include({ code: 'ERR_TASK_FAILED', excType: 'TypeError' });
    expect(await rejected(unfit.result())).to.include({ code: 'ERR_TASK_FAILED', excType: 'EncodeError' });
    await receipt.forget();
    expect(await publisher.result(receipt.id).status()).to.include({ state: 'PENDING' });
    const ignored = await publisher.send(double, 1, { ignoreResult: true });
    expect(await rejected(ignored.result())).to.include({ code: 'ERR_RESULT_DISABLED' });
  });

  it('tell that it is tried again, and wait no longer than they are told', async () => {
    const clock = virtualClock();
    await using app = await testApp({
      clock,
      register: (worker) =>
        void worker.task('flaky', () => {
          throw new Retry({ delay: '10s' });
        }),
    });
    const receipt = await app.publisher.send('flaky');
    await app.drain();
    expect(await receipt.status()).to.include({ state: 'RETRY', isReady: false });
    const late = rejected(receipt.result({ timeout: '1m' }));
    await clock.advance('1m');
    expect(await late).to.include({ code: 'ERR_RESULT_TIMEOUT' });
  });

  it('are not there where nobody runs what is sent', async () => {
    await using publisher = await testPublisher();
    const receipt = await publisher.send(double, 4);
    expect(await rejected(receipt.result())).to.include({ code: 'ERR_RESULT_DISABLED' });
  });
});
