import type { Channel, GetMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

onEveryBroker('deliveries are settled', (opened) => {
  async function held(channel: Channel, count: number): Promise<GetMessage[]> {
    const messages: GetMessage[] = [];
    for (let index = 0; index < count; index++) messages.push(await take(channel, 'q'));
    return messages;
  }

  beforeEach(async () => {
    const { channel } = opened();
    await channel.assertQueue('q');
    await publish(channel, 'q', ['a', 'b', 'c', 'd', 'e']);
  });

  const left = async (): Promise<string[]> => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    const all = await bodies(channel, 'q');
    await channel.close();
    return all;
  };

  it('one by one, in any order', async () => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    const [a, b, c] = await held(channel, 3);
    channel.ack(b!);
    channel.nack(c!, false, true);
    channel.reject(a!, false);
    await channel.close();

    expect(await left()).to.deep.equal(['c', 'd', 'e']);
  });

  it('up to one of them, and all of them by the tag 0', async () => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    const [, b] = await held(channel, 4);
    channel.ack(b!, true);
    channel.nack({ fields: { deliveryTag: 0 } } as GetMessage, true, true);
    await channel.checkQueue('q');

    expect(await left()).to.deep.equal(['c', 'd', 'e']);
    channel.ackAll(); // nothing is left, and that is no mistake
    await channel.close();
  });

  it('given back to where they were', async () => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    const [a, b, c] = await held(channel, 3);
    channel.nack(c!);
    channel.nack(a!);
    channel.reject(b!, true);
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 5);
    const again = await held(channel, 4);

    expect(again.map(({ content, fields }) => [content.toString(), fields.redelivered])).to.deep.equal([
      ['a', true],
      ['b', true],
      ['c', true],
      ['d', false],
    ]);
    await channel.close();
  });

  it('given back all at once by recover', async () => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    await held(channel, 3);
    await channel.recover();
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 5);
    const [again] = await held(channel, 1);

    // Numbers go on.
    expect([again?.content.toString(), again?.fields.deliveryTag]).to.deep.equal(['a', 4]);
    await channel.close();
  });

  const unknown: Readonly<Record<string, (c: Channel) => Promise<void>>> = {
    'never given': (c) => {
      c.ack({ fields: { deliveryTag: 9 } } as GetMessage);
      return Promise.resolve();
    },
    'settled before': async (c) => {
      const message = await take(c, 'q');
      c.ack(message);
      c.ack(message);
    },
    'covered by an earlier one': async (c) => {
      const [first, second] = await held(c, 2);
      c.ack(second!, true);
      c.nack(first!);
    },
    'beyond the last one': async (c) => {
      await take(c, 'q');
      c.ack({ fields: { deliveryTag: 2 } } as GetMessage, true);
    },
    'zero, alone': async (c) => {
      await take(c, 'q');
      c.nack({ fields: { deliveryTag: 0 } } as GetMessage, false);
    },
    'of a delivery that needs no answer': async (c) => {
      c.ack(await take(c, 'q', { noAck: true }));
    },
  };
  const tags: Readonly<Record<string, number>> = {
    'never given': 9,
    'beyond the last one': 2,
    'zero, alone': 0,
  };
  for (const [what, how] of Object.entries(unknown)) {
    it(`not by a tag ${what}`, async () => {
      const { connection } = opened();
      const { code, text } = await refusal(connection, how);

      expect(`${code} ${text}`).to.equal(`406 PRECONDITION_FAILED - unknown delivery tag ${tags[what] ?? 1}`);
    });
  }

  it('not any more when their channel was closed: they come back', async () => {
    const { connection } = opened();
    await refusal(connection, async (c) => {
      await held(c, 2);
      await c.checkQueue('none');
    });
    const next = await connection.createChannel();
    await waitFor(async () => (await next.checkQueue('q')).messageCount === 5);

    expect((await take(next, 'q')).content.toString()).to.equal('a');
  });
});
