import amqp, { type ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

onEveryBroker('messages are handed out', (opened) => {
  describe('consuming', () => {
    it('sends ahead what the prefetch allows, and more as it is acknowledged', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      await publish(channel, 'q', ['a', 'b', 'c', 'd', 'e']);
      const got: ConsumeMessage[] = [];
      await channel.prefetch(2);
      await channel.consume('q', (message) => {
        if (message !== null) got.push(message);
      });
      await waitFor(() => got.length === 2);
      channel.ack(got[1] as ConsumeMessage, true);
      await waitFor(() => got.length === 4);

      expect(got.map(({ content }) => content.toString())).to.deep.equal(['a', 'b', 'c', 'd']);
      expect((await channel.checkQueue('q')).messageCount).to.equal(1);
    });

    it('gives back in order, marked as redelivered, what a closed channel held', async () => {
      const { channel, connection } = opened();
      await channel.assertQueue('q');
      await publish(channel, 'q', ['a', 'b', 'c']);
      const holder = await connection.createChannel();
      await holder.get('q');
      await holder.get('q');
      await holder.close();

      const first = await channel.get('q', { noAck: true });
      const rest = await bodies(channel, 'q');

      expect(first !== false && first.content.toString()).to.equal('a');
      expect(first !== false && first.fields.redelivered).to.equal(true);
      expect(rest).to.deep.equal(['b', 'c']);
    });

    it('shares a queue in turn', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      const got: Record<string, number> = { one: 0, two: 0 };
      for (const consumer of Object.keys(got)) {
        await channel.consume('q', () => void (got[consumer] = (got[consumer] ?? 0) + 1), { noAck: true });
      }
      await publish(channel, 'q', ['a', 'b', 'c', 'd']);
      await waitFor(() => (got.one ?? 0) + (got.two ?? 0) === 4);

      expect(got).to.deep.equal({ one: 2, two: 2 });
    });

    it('tells consumers that their queue was deleted', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      const told = new Promise<ConsumeMessage | null>((resolve) => void channel.consume('q', resolve));
      await waitFor(async () => (await channel.checkQueue('q')).consumerCount === 1);
      await channel.deleteQueue('q');

      expect(await told).to.equal(null);
    });

    it('hands the highest priority out first', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-priority': 5 } });
      for (const priority of [0, 5, 3]) channel.sendToQueue('q', Buffer.from(`p${priority}`), { priority });
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q')).to.deep.equal(['p5', 'p3', 'p0']);
    });

    it('one by one leaves what has expired behind it uncounted', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      await publish(channel, 'q', ['a']);
      channel.sendToQueue('q', Buffer.from('b'), { expiration: '0' });
      await channel.waitForConfirms();

      expect((await channel.checkQueue('q')).messageCount).to.equal(2);
      expect((await take(channel, 'q')).fields.messageCount).to.equal(0);
    });
  });

  describe('dead-lettering', () => {
    beforeEach(async () => {
      const { channel } = opened();
      await channel.assertQueue('dead');
    });
    const toDead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };

    async function death(): Promise<{ reason: string; queue: string; count: number; body: string }> {
      const { channel } = opened();
      const message = await waitFor(() => channel.get('dead', { noAck: true }));
      const { headers } = message.properties;
      const [first] = headers?.['x-death'] as unknown as { reason: string; queue: string; count: number }[];
      expect(headers?.['x-first-death-reason']).to.equal(first?.reason);
      return { ...pick(first), body: message.content.toString() };
    }
    function pick(first: { reason: string; queue: string; count: number } | undefined) {
      return { reason: first?.reason ?? '', queue: first?.queue ?? '', count: Number(first?.count) };
    }

    it('of what is rejected says so', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: toDead });
      await publish(channel, 'q', ['x']);
      const message = await channel.get('q');
      if (message !== false) channel.reject(message, false);

      expect(await death()).to.deep.equal({ reason: 'rejected', queue: 'q', count: 1, body: 'x' });
    });

    it('of what has expired says so, and takes its expiration away', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: toDead });
      channel.sendToQueue('q', Buffer.from('x'), { expiration: '50' });
      await channel.waitForConfirms();
      const message = await waitFor(() => channel.get('dead', { noAck: true }));

      const [first] = message.properties.headers?.['x-death'] as unknown as Record<string, unknown>[];
      expect(first).to.include({ reason: 'expired', queue: 'q', 'original-expiration': '50' });
      expect(message.properties.expiration).to.equal(undefined);
    });

    it('of what a full queue drops takes the oldest', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { ...toDead, 'x-max-length': 1 } });
      await publish(channel, 'q', ['old', 'new']);

      expect(await death()).to.deep.equal({ reason: 'maxlen', queue: 'q', count: 1, body: 'old' });
      expect(await bodies(channel, 'q')).to.deep.equal(['new']);
    });

    it('on a quorum queue counts deliveries, and ends them at the limit', async () => {
      const { channel } = opened();
      const args = { ...toDead, 'x-queue-type': 'quorum', 'x-delivery-limit': 1 };
      await channel.assertQueue('q', { arguments: args });
      await publish(channel, 'q', ['x']);
      const counts: unknown[] = [];
      await channel.consume('q', (message) => {
        if (message === null) return;
        counts.push(message.properties.headers?.['x-delivery-count']);
        channel.nack(message, false, true);
      });

      expect(await death()).to.include({ reason: 'delivery_limit', queue: 'q', body: 'x' });
      expect(counts).to.deep.equal([undefined, 1]);
    });
  });

  describe('lifetimes', () => {
    it('end an exclusive queue with its connection', async () => {
      const { connection, subject } = opened();
      const other = await amqp.connect(subject.url);
      await (await other.createChannel()).assertQueue('mine', { exclusive: true, durable: false });
      await other.close();

      const { code } = await waitFor(() => refusal(connection, (c) => c.checkQueue('mine')));
      expect(code).to.equal(404);
    });

    it('end an auto-delete queue with its last consumer', async () => {
      const { channel, connection } = opened();
      await channel.assertQueue('auto', { autoDelete: true });
      const { consumerTag } = await channel.consume('auto', () => undefined);
      await channel.cancel(consumerTag);

      const { code } = await refusal(connection, (c) => c.checkQueue('auto'));
      expect(code).to.equal(404);
    });

    it('name a queue for the client, which an empty name means from then on', async () => {
      const { channel } = opened();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      expect(queue).to.match(/^amq\.gen-/u);
      await channel.bindQueue('', 'amq.fanout', '');
      channel.publish('amq.fanout', '', Buffer.from('x'));
      await channel.waitForConfirms();

      expect(await bodies(channel, queue)).to.deep.equal(['x']);
    });
  });
});
