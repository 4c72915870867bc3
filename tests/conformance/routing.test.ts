import { expect } from 'chai';

import { bodies, onEveryBroker } from './subjects.js';

onEveryBroker('messages find their way', (opened) => {
  describe('exchanges', () => {
    it('route by key, to all, and by pattern', async () => {
      const { channel } = opened();
      const bindings = { direct: 'a.b', fanout: '', topic: 'a.#' };
      for (const [type, key] of Object.entries(bindings)) {
        await channel.assertExchange(type, type, { durable: true });
        await channel.assertQueue(`q.${type}`);
        await channel.bindQueue(`q.${type}`, type, key);
        channel.publish(type, 'a.b', Buffer.from('yes'));
        channel.publish(type, 'x', Buffer.from('other'));
      }
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q.direct')).to.deep.equal(['yes']);
      expect(await bodies(channel, 'q.fanout')).to.deep.equal(['yes', 'other']);
      expect(await bodies(channel, 'q.topic')).to.deep.equal(['yes']);
    });

    it('route by headers: all or any of them', async () => {
      const { channel } = opened();
      await channel.assertExchange('h', 'headers');
      for (const mode of ['all', 'any']) {
        await channel.assertQueue(`q.${mode}`);
        await channel.bindQueue(`q.${mode}`, 'h', '', { 'x-match': mode, a: 'one', b: 'two' });
      }
      channel.publish('h', '', Buffer.from('both'), { headers: { a: 'one', b: 'two' } });
      channel.publish('h', '', Buffer.from('half'), { headers: { a: 'one' } });
      await channel.waitForConfirms();

      expect(await bodies(channel, 'q.all')).to.deep.equal(['both']);
      expect(await bodies(channel, 'q.any')).to.deep.equal(['both', 'half']);
    });

    it('hand on to exchanges bound to them, and to their alternate what nothing takes', async () => {
      const { channel } = opened();
      await channel.assertExchange('last', 'fanout');
      await channel.assertExchange('first', 'direct', { arguments: { 'alternate-exchange': 'last' } });
      await channel.assertExchange('second', 'fanout');
      await channel.bindExchange('second', 'first', 'key');
      for (const queue of ['last', 'second']) {
        await channel.assertQueue(queue);
        await channel.bindQueue(queue, queue, '');
      }
      channel.publish('first', 'key', Buffer.from('bound'));
      channel.publish('first', 'none', Buffer.from('unbound'));
      await channel.waitForConfirms();

      expect(await bodies(channel, 'second')).to.deep.equal(['bound']);
      expect(await bodies(channel, 'last')).to.deep.equal(['unbound']);
    });
  });

  describe('publishing', () => {
    it('returns what no queue takes, before it confirms it', async () => {
      const { channel } = opened();
      const order: string[] = [];
      channel.on('return', ({ fields, properties }) => {
        order.push(
          `return ${properties.messageId as string} ${(fields as { replyText?: string }).replyText ?? ''}`,
        );
      });
      await new Promise<void>((resolve) => {
        channel.publish('', 'nowhere', Buffer.from('x'), { mandatory: true, messageId: 'm1' }, () => {
          order.push('confirm');
          resolve();
        });
      });

      expect(order).to.deep.equal(['return m1 NO_ROUTE', 'confirm']);
    });

    it('refuses what a full queue does not take', async () => {
      const { channel } = opened();
      await channel.assertQueue('full', {
        arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
      });
      const results = await Promise.all(
        ['a', 'b', 'c'].map(
          (body) =>
            new Promise<string>((resolve) => {
              channel.sendToQueue('full', Buffer.from(body), {}, (error) =>
                resolve(error === null ? 'ack' : 'nack'),
              );
            }),
        ),
      );

      expect(results).to.deep.equal(['ack', 'ack', 'nack']);
      expect(await bodies(channel, 'full')).to.deep.equal(['a', 'b']);
    });

    for (const size of [0, 1, 131_064, 131_065, 300_000]) {
      it(`carries a body of ${size} bytes unchanged`, async () => {
        const { channel } = opened();
        const body = Buffer.alloc(size, 'abcdefg');
        await channel.assertQueue('q');
        channel.sendToQueue('q', body, {
          headers: { a: 1, nested: { list: [true, null, 'x'] } },
          type: 't',
        });
        await channel.waitForConfirms();

        const message = await channel.get('q');

        if (message === false) throw new Error('nothing there');
        expect(message.content.equals(body)).to.equal(true);
        expect(message.properties.headers).to.deep.equal({ a: 1, nested: { list: [true, null, 'x'] } });
        expect(message.properties.type).to.equal('t');
      });
    }
  });
});
