import amqp from 'amqplib';
import { expect } from 'chai';

import { type DevBroker, sharedBroker } from '../../dist/index.js';

describe('a broker that a process shares', () => {
  it('is begun anew, once, by those who ask when it was stopped', async () => {
    const brokers: DevBroker[] = [await sharedBroker('stopped', '/')];
    await brokers[0]?.stop();

    brokers.push(await sharedBroker('stopped', '/'));
    await brokers[1]?.stop();
    const asked = await Promise.all(['/', 'other', '/'].map((vhost) => sharedBroker('stopped', vhost)));

    expect(new Set([...brokers, ...asked]).size).to.equal(3);
    const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${asked[0]?.port ?? 0}/other`);
    await connection.close();
    await asked[0]?.stop();
  });

  it('is left by those who ask while it is being stopped', async () => {
    const stopped = await sharedBroker('stopping', '/');
    const end = stopped.stop();

    const again = await sharedBroker('stopping', '/');

    expect(again).to.not.equal(stopped);
    await Promise.all([end, again.stop()]);
  });
});
