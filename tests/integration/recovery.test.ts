/** Publishers and workers get over what goes wrong between two frames: cases that the fault dial has found. */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { createPublisher } from '@celeriac/publisher';
import { createWorker } from '@celeriac/worker';
import { expect } from 'chai';

import { chosenIo } from '../support/chosen-io.js';
import { waitFor } from '../support/wait-for.js';

function configFor(broker: DevBroker) {
  return { events: { connection_string: broker.url, reconnect_max_delay: '100ms' } };
}

/** A worker and a publisher get a task to its end, over the one fault that was dialled. */
async function expectTaskRuns(broker: DevBroker): Promise<void> {
  const config = configFor(broker);
  const ran: string[] = [];
  const worker = createWorker({ config, env: chosenIo });
  worker.task('note', (text: string) => void ran.push(text));
  await worker.start();
  const publisher = await createPublisher({ config, env: {} });
  try {
    await publisher.send('note', ['hello']);
    await waitFor(() => ran.includes('hello'), { what: 'the task' });

    expect(broker.faults.history).to.have.length(1);
  } finally {
    await Promise.all([publisher.close(), worker.stop()]);
  }
}

describe('recovery', () => {
  for (const role of ['publisher', 'worker']) {
    it(`of a ${role} whose connection is closed in one breath with its opening`, async () => {
      await using broker = await startBroker();
      broker.faults.closeConnection({
        connection: role,
        at: { frame: 'connection.open-ok', direction: 'sent' },
      });
      await expectTaskRuns(broker);
    });
  }

  for (const fault of ['closeChannel', 'closeConnection'] as const) {
    it(`of a publisher that is told ${fault} in one breath with the opening of its channel`, async () => {
      await using broker = await startBroker();
      const config = configFor(broker);
      broker.faults[fault]({ at: { frame: 'confirm.select-ok', direction: 'sent' } });
      const publisher = await createPublisher({ config, env: {} });
      try {
        await publisher.send('note', ['hello'], { timeout: '20s' });

        expect(broker.faults.history).to.have.length(1);
      } finally {
        await publisher.close();
      }
    });
  }

  it('of a worker whose subscription is cancelled in one breath with its beginning', async () => {
    await using broker = await startBroker();
    broker.faults.onStep(({ direction, frame }) => {
      const isFirst = broker.faults.history.length === 0;
      if (isFirst && direction === 'sent' && frame === 'basic.consume-ok') broker.faults.cancelConsumers();
    });
    await expectTaskRuns(broker);
  });

  it('of a worker that registers an application while its connection breaks', async () => {
    await using broker = await startBroker();
    const config = configFor(broker);
    broker.faults.drop({ at: { frame: 'basic.get', direction: 'received' } });
    const worker = createWorker({ config, env: chosenIo });
    worker.application('crm').on('#', () => undefined);
    await worker.start();
    await worker.stop();

    expect(broker.faults.history).to.have.length(1);
    expect(
      broker
        .messages('celeriac.applications')
        .map(({ body }) => body.toString())
        .join(),
    ).to.match(/"crm"/u);
  });
});
