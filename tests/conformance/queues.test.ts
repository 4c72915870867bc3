import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

onEveryBroker('queues keep', (opened) => {
  const isGone = async (queue: string): Promise<boolean> => {
    const { connection } = opened();
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    return channel.checkQueue(queue).then(
      () => channel.close().then(() => false),
      () => true,
    );
  };

  describe('for a time', () => {
    it('a queue that nobody uses', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-expires': 300 } });
      channel.sendToQueue('q', Buffer.from('publishing is not use'));

      await waitFor(async () => isGoneQuietly('q'), { every: 500 });
    });

    // Asking by a passive declaration would be use: deleting with a condition that fails is not.
    async function isGoneQuietly(queue: string): Promise<boolean> {
      const { connection } = opened();
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      const kept = await channel.deleteQueue(queue, { ifEmpty: true }).then(
        () => false,
        () => true,
      );
      if (!kept) await channel.close();
      return !kept;
    }

    it('not a queue that is consumed', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-expires': 100 } });
      await channel.assertQueue('idle', { arguments: { 'x-expires': 100 } });
      const { consumerTag } = await channel.consume('q', () => undefined);
      await waitFor(() => isGone('idle'), { every: 300 });
      expect(await isGone('q')).to.equal(false);
      await channel.cancel(consumerTag);

      await waitFor(() => isGone('q'), { every: 300 });
    });

    for (const [what, queueTtl, own] of [
      ['the queue says', 60, undefined],
      ['the message says', undefined, '60'],
      ['the lesser of both says, the message', 3_600_000, '60'],
      ['the lesser of both says, the queue', 60, '3600000'],
    ] as const) {
      it(`a message, which ${what}`, async () => {
        const { channel } = opened();
        const args = queueTtl === undefined ? {} : { 'x-message-ttl': queueTtl };
        await channel.assertQueue('q', { arguments: args });
        channel.sendToQueue('q', Buffer.from('x'), own === undefined ? {} : { expiration: own });
        await channel.waitForConfirms();

        await waitFor(async () => (await channel.checkQueue('q')).messageCount === 0);
      });
    }

    it('a message behind one that lives longer until it is its turn', async () => {
      const { channel } = opened();
      const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { arguments: dead });
      await channel.assertQueue('clock', { arguments: dead });
      channel.sendToQueue('q', Buffer.from('long'), { expiration: '3600000' });
      channel.sendToQueue('q', Buffer.from('short'), { expiration: '1' });
      channel.sendToQueue('clock', Buffer.from('tick'), { expiration: '200' });
      await channel.waitForConfirms();
      await take(channel, 'dead', { noAck: true });

      expect((await channel.checkQueue('q')).messageCount).to.equal(2);
      await take(channel, 'q', { noAck: true });
      expect((await take(channel, 'dead', { noAck: true })).content.toString()).to.equal('short');
    });

    it('no time at all: it arrives where someone waits, and dies where nobody does', async () => {
      const { channel } = opened();
      await channel.assertQueue('dead');
      const args = {
        'x-message-ttl': 0,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'dead',
      };
      await channel.assertQueue('q', { arguments: args });
      await publish(channel, 'q', ['nobody']);
      expect((await take(channel, 'dead', { noAck: true })).content.toString()).to.equal('nobody');
      const got: string[] = [];
      await channel.consume('q', (message) => got.push(String(message?.content)), { noAck: true });
      await publish(channel, 'q', ['someone']);

      await waitFor(() => got.length === 1);
      expect(got).to.deep.equal(['someone']);
      expect(await bodies(channel, 'dead')).to.deep.equal([]);
    });

    for (const [value, text] of Object.entries({
      abc: "invalid expiration 'abc': no_integer",
      '12ab': 'invalid expiration \'12ab\': {leftover_string,"ab"}',
      '-1': "invalid expiration '-1': {value_negative,-1}",
      '315360000001': "invalid expiration '315360000001': {value_too_large,315360000001}",
    })) {
      it(`refuse the expiration ${value}`, async () => {
        const { connection } = opened();
        const refused = await refusal(connection, (c) => {
          c.sendToQueue('q', Buffer.from('x'), { expiration: value });
          return Promise.resolve();
        });

        expect(`${refused.code} ${refused.text}`).to.equal(`406 PRECONDITION_FAILED - ${text}`);
      });
    }
  });

  describe('so many', () => {
    it('messages, the oldest going first', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-length': 2 } });
      await publish(channel, 'q', ['a', 'b', 'c']);
      expect(await bodies(channel, 'q')).to.deep.equal(['b', 'c']);
    });

    it('messages, not counting those in hands, until they come back', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-length': 2 } });
      await publish(channel, 'q', ['a', 'b']);
      const held = await take(channel, 'q');
      await publish(channel, 'q', ['c']);
      expect((await channel.checkQueue('q')).messageCount).to.equal(2);
      channel.nack(held);

      await waitFor(async () => (await channel.checkQueue('q')).messageCount === 2);
      expect(await bodies(channel, 'q')).to.deep.equal(['b', 'c']);
    });

    it('bytes, however many messages must go for one', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-length-bytes': 10 } });
      await publish(channel, 'q', ['aaa', 'bbb', 'ccc', 'dddddd']);
      expect(await bodies(channel, 'q')).to.deep.equal(['ccc', 'dddddd']);
      await publish(channel, 'q', ['x', 'far too long a body']);
      expect(await bodies(channel, 'q')).to.deep.equal([]);
    });

    it('none', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-length': 0 } });
      await publish(channel, 'q', ['a']);
      expect(await bodies(channel, 'q')).to.deep.equal([]);
    });

    for (const overflow of ['reject-publish', 'reject-publish-dlx']) {
      it(`and refuse the rest (${overflow})`, async () => {
        const { channel } = opened();
        await channel.assertQueue('dead');
        await channel.assertQueue('q', {
          arguments: {
            'x-max-length-bytes': 5,
            'x-overflow': overflow,
            'x-dead-letter-exchange': '',
            'x-dead-letter-routing-key': 'dead',
          },
        });
        const results: string[] = [];
        for (const body of ['aaa', 'bbb', 'cc']) {
          await new Promise<void>((resolve) => {
            channel.sendToQueue('q', Buffer.from(body), {}, (error) => {
              results.push(error === null ? 'ack' : 'nack');
              resolve();
            });
          });
        }

        expect(results).to.deep.equal(['ack', 'nack', 'ack']);
        expect(await bodies(channel, 'q')).to.deep.equal(['aaa', 'cc']);
        expect(await bodies(channel, 'dead')).to.deep.equal(overflow === 'reject-publish' ? [] : ['bbb']);
      });
    }
  });

  describe('in order', () => {
    it('of priority, which is capped, and 0 where there is none', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-priority': 3 } });
      for (const [body, priority] of [
        ['none', undefined],
        ['200', 200],
        ['3', 3],
        ['1', 1],
        ['0', 0],
      ] as const) {
        channel.sendToQueue('q', Buffer.from(body), priority === undefined ? {} : { priority });
      }
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q')).to.deep.equal(['200', '3', '1', 'none', '0']);
    });

    it('of priority, the highest of which goes first when there are too many', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-priority': 3, 'x-max-length': 2 } });
      for (const priority of [0, 3, 1]) channel.sendToQueue('q', Buffer.from(`p${priority}`), { priority });
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q')).to.deep.equal(['p1', 'p0']);
    });

    it('of priority, within their bytes', async () => {
      const { channel } = opened();
      await channel.assertQueue('q', { arguments: { 'x-max-priority': 3, 'x-max-length-bytes': 4 } });
      for (const priority of [1, 2, 0]) channel.sendToQueue('q', Buffer.from(`p${priority}`), { priority });
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q')).to.deep.equal(['p1', 'p0']);
    });

    it('what has expired behind a higher priority, until that is gone', async () => {
      const { channel } = opened();
      const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { arguments: { ...dead, 'x-max-priority': 3 } });
      await channel.assertQueue('clock', { arguments: dead });
      channel.sendToQueue('q', Buffer.from('high'), { priority: 3 });
      channel.sendToQueue('q', Buffer.from('low'), { priority: 0, expiration: '1' });
      channel.sendToQueue('clock', Buffer.from('tick'), { expiration: '200' });
      await channel.waitForConfirms();
      await take(channel, 'dead', { noAck: true });
      expect((await channel.checkQueue('q')).messageCount).to.equal(2);

      await take(channel, 'q', { noAck: true });
      expect((await take(channel, 'dead', { noAck: true })).content.toString()).to.equal('low');
    });
  });

  describe('what is counted', () => {
    it('by basic.get: those that are left, and whether it was handed out before', async () => {
      const { channel, connection } = opened();
      await channel.assertQueue('q');
      expect(await channel.get('q')).to.equal(false);
      await publish(channel, 'q', ['a', 'b', 'c']);
      const other = await connection.createChannel();
      await take(other, 'q');
      await other.close();
      const first = await take(channel, 'q');
      const second = await take(channel, 'q');

      expect([first, second].map(({ fields }) => [fields.redelivered, fields.messageCount])).to.deep.equal([
        [true, 2],
        [false, 1],
      ]);
    });

    it('by purging and deleting: those that waited', async () => {
      const { channel } = opened();
      await channel.assertQueue('q');
      await publish(channel, 'q', ['a', 'b', 'c', 'd']);
      const held = await take(channel, 'q');
      expect(await channel.purgeQueue('q')).to.deep.equal({ messageCount: 3 });
      channel.nack(held);
      await waitFor(async () => (await channel.checkQueue('q')).messageCount === 1);

      expect(await channel.deleteQueue('q')).to.deep.equal({ messageCount: 1 });
      expect(await channel.deleteQueue('q')).to.deep.equal({ messageCount: 0 });
    });

    it('before a queue is deleted on conditions', async () => {
      const { channel, connection } = opened();
      await channel.assertQueue('q');
      await publish(channel, 'q', ['a']);
      const held = await take(channel, 'q');
      const consumed = await channel.assertQueue('consumed');
      const { consumerTag } = await channel.consume(consumed.queue, () => undefined);
      const inUse = await refusal(connection, (c) => c.deleteQueue('consumed', { ifUnused: true }));
      expect(`${inUse.code} ${inUse.text}`).to.equal(
        "406 PRECONDITION_FAILED - queue 'consumed' in vhost 'V' in use",
      );
      await channel.cancel(consumerTag);
      await channel.deleteQueue('consumed', { ifUnused: true, ifEmpty: true });

      // What is in hands is not in the queue.
      expect(await channel.deleteQueue('q', { ifEmpty: true })).to.deep.equal({ messageCount: 0 });
      channel.ack(held);
      await channel.checkExchange('amq.direct');
    });
  });
});
