/** Names of queues: what AMQP counts are bytes. */
import { expect } from 'chai';

import { deadLetterQueueName } from '../../../dist/amqp/topology.js';
import { loadConfig } from '../../../dist/config/load.js';
import { checkedQueueName } from '../../../dist/policy/queue-name.js';

describe("a queue's name", () => {
  it('has 1 to 255 bytes, however few characters that are', () => {
    for (const name of ['q', 'q'.repeat(255), 'a.b', '☃'.repeat(85)])
      expect(checkedQueueName(name)).to.equal(name);
    for (const name of ['', 'q'.repeat(256), '☃'.repeat(86)]) {
      expect(() => checkedQueueName(name), `${name.length}`)
        .to.throw()
        .with.property('code', 'ERR_INPUT_INVALID');
    }
  });

  it('is refused in a configuration where the broker could not take it', async () => {
    const load = (queue: string) => loadConfig({ tasks: { default_queue: queue } }, { env: {} });

    const refused = await load('☃'.repeat(86)).catch((error: unknown) => error);

    expect(refused).to.have.property('code', 'ERR_CONFIG_INVALID');
    expect((refused as Error).message).to.match(/tasks\.default_queue.*255 bytes/su);
    expect((await load('☃'.repeat(85))).tasks.default_queue).to.have.length(85);
  });

  it('leaves room for that of its dead letters, or gives them another, of their own', () => {
    const long = 'q'.repeat(255);

    expect(deadLetterQueueName('q'.repeat(243))).to.equal(`${'q'.repeat(243)}.dead-letter`);
    expect(Buffer.byteLength(deadLetterQueueName(long))).to.be.at.most(255);
    expect(deadLetterQueueName(long)).to.match(/\.dead-letter$/u);
    expect(deadLetterQueueName(long)).not.to.equal(deadLetterQueueName('q'.repeat(254)));
  });
});
