import type { GetMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { bind, bodies, onEveryBroker, publish, take } from './subjects.js';

onEveryBroker('dead letters', (opened) => {
  const to = (exchange: string, key?: string): object => ({
    'x-dead-letter-exchange': exchange,
    ...(key === undefined ? {} : { 'x-dead-letter-routing-key': key }),
  });

  /** Without what differs from run to run. */
  function deaths({ properties }: GetMessage): unknown[] {
    const list = properties.headers?.['x-death'] as unknown as Record<string, unknown>[];
    return list.map(({ time, ...rest }) => {
      expect(time).to.have.property('!', 'timestamp');
      return rest;
    });
  }
  const firstDeath = ({ properties: { headers } }: GetMessage): unknown[] =>
    ['reason', 'queue', 'exchange'].map(
      (what) => (headers as Record<string, unknown>)[`x-first-death-${what}`],
    );

  it('tell their way over several hops, the last one first', async () => {
    const { channel } = opened();
    await channel.assertExchange('in', 'direct');
    await channel.assertQueue('a', { arguments: { ...to('', 'b'), 'x-message-ttl': 1 } });
    await channel.assertQueue('b', { arguments: to('', 'c') });
    await channel.assertQueue('c', { arguments: { ...to('', 'd'), 'x-max-length': 0 } });
    await channel.assertQueue('d');
    await channel.bindQueue('a', 'in', 'key');
    channel.publish('in', 'key', Buffer.from('x'), { headers: { own: 1 } });
    channel.reject(await take(channel, 'b'), false);
    const end = await take(channel, 'd', { noAck: true });

    expect(deaths(end)).to.deep.equal([
      { count: 1, reason: 'maxlen', queue: 'c', exchange: '', 'routing-keys': ['c'] },
      // From the third on, the order of the others turns around every time (until 3.12).
      { count: 1, reason: 'expired', queue: 'a', exchange: 'in', 'routing-keys': ['key'] },
      { count: 1, reason: 'rejected', queue: 'b', exchange: '', 'routing-keys': ['b'] },
    ]);
    expect(firstDeath(end)).to.deep.equal(['expired', 'a', 'in']);
    expect(end.properties.headers?.own).to.equal(1);
    expect([end.fields.exchange, end.fields.routingKey]).to.deep.equal(['', 'd']);
  });

  it('count how often, and bring what died last to the front', async () => {
    const { channel } = opened();
    await channel.assertQueue('work', { arguments: to('', 'wait') });
    await channel.assertQueue('wait', { arguments: { ...to('', 'work'), 'x-message-ttl': 1 } });
    await publish(channel, 'work', ['x']);
    for (let round = 0; round < 3; round++) channel.reject(await take(channel, 'work'), false);
    const message = await take(channel, 'work');

    expect(deaths(message)).to.deep.equal([
      { count: 3, reason: 'expired', queue: 'wait', exchange: '', 'routing-keys': ['wait'] },
      { count: 3, reason: 'rejected', queue: 'work', exchange: '', 'routing-keys': ['work'] },
    ]);
    expect(firstDeath(message)).to.deep.equal(['rejected', 'work', '']);
  });

  it('keep two reasons of one queue apart', async () => {
    const { channel } = opened();
    await channel.assertQueue('q', { arguments: to('', 'back') });
    await channel.assertQueue('back');
    channel.sendToQueue('q', Buffer.from('x'), { expiration: '1' });
    const expired = await take(channel, 'back', { noAck: true });
    channel.sendToQueue('q', expired.content, { headers: expired.properties.headers });
    channel.reject(await take(channel, 'q'), false);
    const rejected = await take(channel, 'back', { noAck: true });

    expect(deaths(rejected)).to.deep.equal([
      { count: 1, reason: 'rejected', queue: 'q', exchange: '', 'routing-keys': ['q'] },
      {
        count: 1,
        reason: 'expired',
        queue: 'q',
        exchange: '',
        'routing-keys': ['q'],
        'original-expiration': '1',
      },
    ]);
  });

  it('go round once when nobody rejects them, and are gone then', async () => {
    const { channel } = opened();
    await channel.assertQueue('one', { arguments: { ...to('', 'two'), 'x-message-ttl': 1 } });
    await channel.assertQueue('two', { arguments: { ...to('', 'one'), 'x-message-ttl': 1 } });
    await channel.assertQueue('clock', { arguments: { ...to('', 'tick'), 'x-message-ttl': 300 } });
    await channel.assertQueue('tick');
    await publish(channel, 'one', ['x']);
    await publish(channel, 'clock', ['x']);
    await take(channel, 'tick');

    for (const queue of ['one', 'two']) expect((await channel.checkQueue(queue)).messageCount).to.equal(0);
  });

  it('into their own queue are gone at once when they expire, and come back when they are rejected', async () => {
    const { channel } = opened();
    await channel.assertQueue('q', { arguments: to('', 'q') });
    channel.sendToQueue('q', Buffer.from('expires'), { expiration: '1' });
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 0);
    await publish(channel, 'q', ['rejected']);
    channel.reject(await take(channel, 'q'), false);
    const back = await take(channel, 'q');

    expect(back.content.toString()).to.equal('rejected');
    expect(back.fields.redelivered).to.equal(false);
  });

  it('are gone where the exchange is missing, or leads nowhere', async () => {
    const { channel } = opened();
    await channel.assertExchange('empty', 'fanout');
    await channel.assertQueue('missing', { arguments: to('not there') });
    await channel.assertQueue('nowhere', { arguments: to('empty') });
    for (const queue of ['missing', 'nowhere']) {
      await publish(channel, queue, ['x']);
      channel.reject(await take(channel, queue), false);
      await waitFor(async () => (await channel.deleteQueue(queue)).messageCount === 0);
    }
  });

  it('keep their copies with their own keys, and lose them with a new one', async () => {
    const { channel } = opened();
    await channel.assertExchange('dlx', 'direct');
    await channel.assertQueue('keeps', { arguments: to('dlx') });
    await channel.assertQueue('replaces', { arguments: to('dlx', 'new') });
    await bind(channel, { cc: ['dlx', 'copy'], bcc: ['dlx', 'hidden'], new: ['dlx', 'new'] });
    for (const queue of ['keeps', 'replaces']) {
      channel.sendToQueue(queue, Buffer.from(queue), { headers: { CC: ['copy'], BCC: ['hidden'] } });
      channel.reject(await take(channel, queue), false);
    }
    const copy = await take(channel, 'cc', { noAck: true });
    const replaced = await take(channel, 'new', { noAck: true });

    expect(await bodies(channel, 'bcc')).to.deep.equal(['keeps']);
    expect(deaths(copy)).to.deep.equal([
      { count: 1, reason: 'rejected', queue: 'keeps', exchange: '', 'routing-keys': ['keeps', 'copy'] },
    ]);
    expect([copy.fields.routingKey, copy.properties.headers?.CC]).to.deep.equal(['keeps', ['copy']]);
    expect([replaced.fields.routingKey, replaced.properties.headers?.CC]).to.deep.equal(['new', undefined]);
  });

  it('die together in the order of their deliveries', async () => {
    const { channel } = opened();
    await channel.assertQueue('dead');
    await channel.assertQueue('q', { arguments: to('', 'dead') });
    await publish(channel, 'q', ['a', 'b', 'c', 'd']);
    await take(channel, 'q');
    await take(channel, 'q');
    const third = await take(channel, 'q');
    channel.nack(third, true, false);
    await waitFor(async () => (await channel.checkQueue('dead')).messageCount === 3);

    expect(await bodies(channel, 'dead')).to.deep.equal(['a', 'b', 'c']);
    expect(await bodies(channel, 'q')).to.deep.equal(['d']);
  });
});
