/** A worker that is asked for something at the wrong time. Nothing listens where it would connect. */
import { CeleriacError, defineTask } from '@celeriac/core';
import { expect } from 'chai';

import { createWorker } from '../../dist/create-worker.js';

/** What it was refused with. */
async function refusal(attempt: () => unknown): Promise<unknown> {
  try {
    await attempt();
    return 'it was done';
  } catch (error) {
    return error instanceof CeleriacError ? error.code : error;
  }
}
const nothing = (): void => undefined;
const unread = { events: { connection_strin: 'x' } } as object;

describe('a worker', () => {
  it('does not start with nothing to do, also not with an application that has no handlers', async () => {
    const worker = createWorker({ env: {} });
    worker.application('crm');

    expect(await refusal(() => worker.start())).to.equal('ERR_WORKER_STATE');
    expect(await refusal(() => createWorker({ env: {} }).start())).to.equal('ERR_WORKER_STATE');
  });

  it('takes no registration once it was started, and says so', async () => {
    const worker = createWorker({ env: {}, config: unread }).task('a', nothing);
    expect(await refusal(() => worker.start())).to.equal('ERR_CONFIG_INVALID');

    expect(await refusal(() => worker.task('b', nothing))).to.equal('ERR_WORKER_STATE');
    expect(await refusal(() => worker.application('crm'))).to.equal('ERR_WORKER_STATE');
    expect(() => worker.task('b', nothing)).to.throw('cannot register tasks: it is running');
  });

  it('reads its configuration at the start, not before', async () => {
    const worker = createWorker({ env: {}, config: unread });

    expect(await refusal(() => worker.task('a', nothing))).to.equal('it was done');
    expect(await refusal(() => worker.start())).to.equal('ERR_CONFIG_INVALID');
  });

  it('starts once: a second call gives the same promise', async () => {
    const worker = createWorker({ env: {}, config: unread }).task('a', nothing);
    const starting = worker.start();

    expect(worker.start()).to.equal(starting);
    expect(await refusal(() => starting)).to.equal('ERR_CONFIG_INVALID');
  });

  it('registers a name once, by contract or bare', async () => {
    const worker = createWorker({ env: {} }).task('a', nothing);

    expect(await refusal(() => worker.task(defineTask({ name: 'a' }), nothing))).to.equal(
      'ERR_TASK_DUPLICATE',
    );
  });

  it('gives the same application for the same name', () => {
    const worker = createWorker({ env: {} });

    expect(worker.application('crm')).to.equal(worker.application('crm'));
    expect(worker.application('crm')).not.to.equal(worker.application('shop'));
  });

  it('that never ran stops drained, and refuses a grace that is no duration', async () => {
    const worker = createWorker({ env: {} });

    expect(await refusal(() => worker.stop({ grace: 'soon' }))).to.equal('ERR_INPUT_INVALID');
    expect(await worker.stop()).to.deep.equal({ drained: true, unfinished: 0 });
  });

  it('that was stopped before it ran does not start', async () => {
    const worker = createWorker({ env: {} }).task('a', nothing);
    await worker.stop();

    expect(await refusal(() => worker.start())).to.equal('ERR_WORKER_STATE');
  });
});
