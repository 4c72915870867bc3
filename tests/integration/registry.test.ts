/** The list of applications while its broker has faults of its own. */
import {
  Applications,
  brokerAccess,
  openPublishing,
  loadConfig,
  silentLogger,
  systemClock,
} from '@celeriac/core';
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { configFor } from '../support/clients.js';

describe('the list of applications', () => {
  let broker: DevBroker;

  beforeEach(async () => {
    broker = await startBroker();
  });
  afterEach(() => broker.stop());

  async function withApplications<T>(use: (applications: Applications) => Promise<T>): Promise<T> {
    const config = await loadConfig(configFor(broker.url), { env: {} });
    const access = await brokerAccess(config, silentLogger);
    const parts = { config, logger: silentLogger, clock: systemClock, access };
    const { session, sink, declarer } = openPublishing(parts, 'events');
    try {
      return await use(new Applications({ config, session, declarer, clock: systemClock }));
    } finally {
      const closed = sink.close();
      await session.close();
      await closed;
    }
  }

  it('is written again where a channel ends by a fault of the broker (541)', async () => {
    await withApplications(async (applications) => {
      for (const frame of ['queue.declare', 'basic.get'] as const) {
        await applications.register(`before ${frame}`.replace(' ', '-'), ['#']);
        const fault = broker.faults.closeChannel({ at: { frame, direction: 'received' }, times: 1 });
        await applications.list();
        await applications.register(`after-${frame}`, ['#']);
        expect(fault.struck).to.equal(1);
      }
      expect((await applications.list()).map(({ name }) => name)).to.have.length(4);
    });
  });

  it('is nothing, and not made, where nobody ever registered', async () => {
    expect(await withApplications((applications) => applications.list())).to.deep.equal([]);
    expect(broker.queues()).to.deep.equal([]);
  });
});
