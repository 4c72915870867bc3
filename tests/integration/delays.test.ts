/** Delays that wait in the broker: never early, survive restarts, and reach the right queue. */
import { currentTask, type TaskContext } from '@celeriac/worker';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';

describe('delays', function () {
  before(function () {
    requireRabbit(this);
  });

  it('run a delayed task no earlier than its eta, and at most two seconds later', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(configFor(vhost.url));
    const runs: { at: number; eta: number | undefined }[] = [];
    watched.worker.task('later', () => {
      runs.push({ at: Date.now(), eta: (currentTask() as TaskContext).message.eta });
    });
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    const receipt = await sender.publisher.send('later', [], { delay: '1500ms', expires: '1h' });
    await watched.untilSettled(1);

    const [{ at, eta }] = runs as [{ at: number; eta: number }];
    expect(receipt.eta?.getTime()).to.equal(eta);
    expect(at - eta).to.be.within(0, 2000);
    expect(watched.started[0]!.lateMs).to.be.closeTo(at - eta, 100);
  });
});
