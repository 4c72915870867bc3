import type { ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { onEveryBroker, refusal, take } from './subjects.js';

onEveryBroker('direct reply-to', (opened) => {
  const replyQueue = 'amq.rabbitmq.reply-to';

  it('brings an answer to the channel that asked, past any queue', async () => {
    const { channel, connection } = opened();
    const asking = await connection.createChannel();
    const got: ConsumeMessage[] = [];
    await asking.consume(replyQueue, (message) => message !== null && got.push(message), { noAck: true });
    await channel.assertQueue('rpc');
    asking.sendToQueue('rpc', Buffer.from('ask'), { replyTo: replyQueue, correlationId: '7' });
    const request = await take(channel, 'rpc', { noAck: true });
    const address = request.properties.replyTo as string;
    expect(address).to.match(/^amq\.rabbitmq\.reply-to\../u);
    expect(request.properties.correlationId).to.equal('7');
    for (const answer of ['one', 'two']) channel.sendToQueue(address, Buffer.from(answer));
    await waitFor(() => got.length === 2);

    expect(
      got.map(({ content, fields }) => [content.toString(), fields.deliveryTag, fields.exchange]),
    ).to.deep.equal([
      ['one', 1, ''],
      ['two', 1, ''],
    ]);
    expect(got[0]?.fields.routingKey).to.equal(address);
  });

  it('can be asked whether someone waits there', async () => {
    const { channel, connection } = opened();
    const asking = await connection.createChannel();
    const { consumerTag } = await asking.consume(replyQueue, () => undefined, { noAck: true });
    await channel.assertQueue('rpc');
    asking.sendToQueue('rpc', Buffer.from('ask'), { replyTo: replyQueue });
    const address = (await take(channel, 'rpc', { noAck: true })).properties.replyTo as string;
    expect(await channel.checkQueue(address)).to.deep.equal({
      queue: address,
      messageCount: 0,
      consumerCount: 1,
    });
    expect((await channel.assertQueue(replyQueue)).consumerCount).to.equal(1);
    await asking.cancel(consumerTag);

    const { code, text } = await refusal(connection, (c) => c.checkQueue(address));
    expect(code).to.equal(404);
    expect(text).to.equal(`NOT_FOUND - no queue '${address}' in vhost 'V'`);
  });

  it('drops an answer to nobody, and returns a mandatory one, even where somebody waits', async () => {
    const { channel, connection } = opened();
    const asking = await connection.createChannel();
    await asking.consume(replyQueue, () => undefined, { noAck: true });
    await channel.assertQueue('rpc');
    asking.sendToQueue('rpc', Buffer.from('ask'), { replyTo: replyQueue });
    const address = (await take(channel, 'rpc', { noAck: true })).properties.replyTo as string;
    const returned: string[] = [];
    channel.on('return', ({ fields }: { fields: { routingKey: string } }) =>
      returned.push(fields.routingKey),
    );
    channel.sendToQueue(`${replyQueue}.nobody`, Buffer.from('x'));
    channel.sendToQueue(address, Buffer.from('x'), { mandatory: true });
    await channel.waitForConfirms();

    expect(returned).to.deep.equal([address]);
  });

  const refused: Readonly<Record<string, readonly [string, Parameters<typeof refusal>[1]]>> = {
    'a question without a consumer for the answer': [
      'fast reply consumer does not exist',
      (c) => Promise.resolve(c.sendToQueue('rpc', Buffer.from('x'), { replyTo: replyQueue })),
    ],
    'a consumer that would acknowledge': [
      'reply consumer cannot acknowledge',
      (c) => c.consume(replyQueue, () => undefined),
    ],
    'a second consumer': [
      'reply consumer already set',
      async (c) => {
        await c.consume(replyQueue, () => undefined, { noAck: true });
        await c.consume(replyQueue, () => undefined, { noAck: true });
      },
    ],
  };
  for (const [what, [text, how]] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      expect(await refusal(opened().connection, how)).to.deep.equal({
        code: 406,
        text: `PRECONDITION_FAILED - ${text}`,
      });
    });
  }
});
