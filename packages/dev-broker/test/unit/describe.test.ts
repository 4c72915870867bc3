import amqp from 'amqplib';
import { expect } from 'chai';

import { startBroker } from '../../dist/index.js';

describe('what a broker holds', () => {
  it('is told as plain data', async () => {
    await using broker = await startBroker();
    const connection = await amqp.connect(broker.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange('x', 'topic', { alternateExchange: 'other' });
    await channel.assertQueue('q', { arguments: { 'x-single-active-consumer': true } });
    await channel.bindQueue('q', 'x', 'a.*', { n: 1 });
    await channel.prefetch(1);
    for (const consumerTag of ['one', 'two']) await channel.consume('q', () => undefined, { consumerTag });
    for (const body of ['abc', 'de']) channel.publish('x', 'a.b', Buffer.from(body));
    await channel.waitForConfirms();

    expect(broker.queues()).to.deep.equal([
      {
        name: 'q',
        vhost: '/',
        type: 'classic',
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: { 'x-single-active-consumer': true },
        state: 'running',
        messages: 2,
        messagesReady: 1,
        messagesUnacknowledged: 1,
        messageBytesReady: 2,
        consumers: 2,
        singleActiveConsumerTag: 'one',
      },
    ]);
    expect(
      broker
        .consumers()
        .map(({ consumerTag, active, prefetchCount, channel: number }) => [
          consumerTag,
          active,
          prefetchCount,
          number,
        ]),
    ).to.deep.equal([
      ['one', true, 1, 1],
      ['two', false, 1, 1],
    ]);
    expect(broker.exchanges().map(({ name, type }) => `${name} ${type}`)).to.include.members([
      ' direct',
      'amq.topic topic',
      'x topic',
    ]);
    expect(broker.bindings()).to.deep.include({
      source: 'x',
      vhost: '/',
      destination: 'q',
      destinationType: 'queue',
      routingKey: 'a.*',
      arguments: { n: 1 },
    });
    expect(broker.queues('no such virtual host')).to.deep.equal([]);
    await connection.close();
  });
});
