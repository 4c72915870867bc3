import amqp, { type ChannelModel } from 'amqplib';
import { expect } from 'chai';

import { type DevBroker, startBroker } from '../../dist/index.js';

const quorum = { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } };

describe('a connection with several consumers of a queue', () => {
  let broker: DevBroker;

  beforeEach(async () => {
    broker = await startBroker();
  });
  afterEach(() => broker.stop());

  /** One message in the hands of one of three channels. */
  async function consume(): Promise<ChannelModel> {
    const connection = await amqp.connect(broker.url);
    connection.on('error', () => undefined); // the broker may close it
    for (let number = 0; number < 3; number++) {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => undefined);
      await channel.assertQueue('q', quorum);
      await channel.consume('q', () => undefined);
      if (number > 0) continue;
      channel.sendToQueue('q', Buffer.from('m'));
      await channel.waitForConfirms();
    }
    return connection;
  }

  const ends: Readonly<Record<string, (connection: ChannelModel) => Promise<unknown>>> = {
    'its client closes it': (connection) => connection.close(),
    'the broker closes it': (connection) =>
      new Promise((resolve) => {
        connection.once('close', resolve);
        broker.faults.closeConnection();
      }),
  };
  for (const [how, end] of Object.entries(ends)) {
    it(`gives a message back once when ${how}: its channels do not hand it to each other`, async () => {
      await end(await consume());

      const connection = await amqp.connect(broker.url);
      const channel = await connection.createChannel();
      const message = await channel.get('q');
      await connection.close();

      expect(message && message.properties.headers).to.include({ 'x-delivery-count': 1 });
    });
  }
});
