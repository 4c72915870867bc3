import amqp, { type ConfirmChannel } from 'amqplib';
import { expect } from 'chai';

import { type DevBroker, startBroker } from '../../dist/index.js';

const own = { queue: 'q', reason: 'expired' };

describe('an `x-death` that a client wrote', () => {
  let broker: DevBroker;
  beforeEach(async () => {
    broker = await startBroker(); // as 3.10, which goes on with it
  });
  afterEach(() => broker.stop());

  async function using<T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const connection = await amqp.connect(broker.url);
    try {
      return await use(await connection.createConfirmChannel());
    } finally {
      await connection.close();
    }
  }

  const foreign: Readonly<Record<string, readonly unknown[]>> = {
    'has nothing in it': [null],
    'has something else in it': ['text', 7, [null]],
    'counts in words': [{ ...own, count: 'many' }],
    'counts further than we can': [{ ...own, count: { '!': 'int64', value: 2 ** 62 } }],
    'lacks all but where and why': [own],
  };
  for (const [which, deaths] of Object.entries(foreign)) {
    it(`and that ${which} does not keep its message from dying`, async () => {
      const [death] = await using(async (channel) => {
        await channel.assertQueue('dead');
        await channel.assertQueue('q', {
          messageTtl: 1,
          deadLetterExchange: '',
          deadLetterRoutingKey: 'dead',
        });
        const died = new Promise<readonly unknown[]>((resolve) => {
          void channel.consume('dead', (message) =>
            resolve(message?.properties.headers?.['x-death'] as unknown as readonly unknown[]),
          );
        });
        channel.sendToQueue('q', Buffer.from('x'), { headers: { 'x-death': deaths } });
        return died;
      });

      expect(death).to.include({ ...own, count: 1 });
    });
  }

  it('and that is whole goes on counting', async () => {
    await using(async (channel) => {
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { maxLength: 0, deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      const deaths = [{ queue: 'q', reason: 'maxlen', count: 4 }];
      channel.sendToQueue('q', Buffer.from('x'), { headers: { 'x-death': deaths } });
      await channel.waitForConfirms();
    });

    const [dead] = broker.messages('dead');
    expect(dead?.properties.headers).to.have.nested.property('x-death[0].count', 5);
  });
});
