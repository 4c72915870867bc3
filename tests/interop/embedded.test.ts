/** Python Celery and Node over the embedded broker: a laptop without any server. */
import { startBroker } from '@celeriac/dev-broker';
import { createPublisher } from '@celeriac/publisher';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { configFor, WatchedWorker } from '../support/clients.js';
import { pythonSends, PythonWorker, requireCelery } from '../support/python.js';

const count = 200;
const celery = { tasks: { compatibility: 'celery' as const } };

describe('over the embedded broker', function () {
  before(function () {
    requireCelery(this);
  });

  it('a Node worker runs what Python sends, once each', async () => {
    await using broker = await startBroker();
    await using watched = new WatchedWorker(configFor(broker.url, celery));
    const ran: string[] = [];
    watched.worker.task('interop.record', () => void ran.push(currentTask()?.id ?? ''));
    await watched.worker.start();

    const calls = await pythonSends(broker.url, 'many', { count });
    await watched.untilSettled(count);

    expect(ran.sort()).to.deep.equal(calls.map(({ id }) => id).sort());
  });

  it('a Python worker runs what Node sends, once each', async () => {
    await using broker = await startBroker();
    await using worker = await PythonWorker.start(broker.url);
    await using publisher = await createPublisher({ config: configFor(broker.url, celery), env: {} });
    const inputs = Array.from({ length: count }, (_, index) => [index]);

    const receipts = await publisher.sendMany('interop.record', inputs);
    const records = await worker.untilRecorded(count);

    expect(records.map(({ id }) => id).sort()).to.deep.equal(receipts.map(({ id }) => id).sort());
  });
});
