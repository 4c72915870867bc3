import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { RawClient, type Received } from './raw-client.js';
import { bodies, onEveryBroker, publish, refusal } from './subjects.js';

onEveryBroker('what is published', (opened) => {
  let raw: RawClient;

  beforeEach(async () => {
    const { channel, subject } = opened();
    await channel.assertQueue('q');
    raw = await RawClient.open(subject.url);
  });

  afterEach(() => raw.close());

  const said = ({ name, fields }: Received): unknown[] => [
    name,
    fields.replyCode,
    String(fields.replyText).replace(/in vhost '[^']*'/u, "in vhost 'V'"),
  ];

  /** The next numbers, as they are confirmed; how they are grouped and ordered is the broker's own affair. */
  async function confirmed(count: number): Promise<string[]> {
    const open = new Set(Array.from({ length: count }, (_, index) => index + 1));
    const all: string[] = [];
    while (open.size > 0) {
      const { name, fields } = await raw.receive('basic.ack', 'basic.nack');
      const tag = Number(fields.deliveryTag);
      for (const one of fields.multiple === true ? [...open].filter((other) => other <= tag) : [tag]) {
        open.delete(one);
        all.push(`${name === 'basic.ack' ? 'ack' : 'nack'} ${one}`);
      }
    }
    return all;
  }

  it('without confirms arrives too, and nothing is said of it', async () => {
    const { channel } = opened();
    raw.publish({ routingKey: 'q' }, 'a');
    raw.publish({ routingKey: 'nowhere' }, 'b');
    expect(await raw.rest()).to.deep.equal([]);
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 1);

    expect(await bodies(channel, 'q')).to.deep.equal(['a']);
  });

  it('is numbered from the selection of confirms, and every number is confirmed', async () => {
    raw.publish({ routingKey: 'q' }, 'before');
    await raw.call('confirm.select', {});
    for (let index = 0; index < 20; index++) raw.publish({ routingKey: index % 3 === 0 ? 'nowhere' : 'q' });
    const all = await confirmed(20);

    expect(all.toSorted()).to.deep.equal(
      Array.from({ length: 20 }, (_, index) => `ack ${index + 1}`).toSorted(),
    );
  });

  it('to several queues is refused when one of them refuses, and is in the others', async () => {
    const { channel } = opened();
    await channel.assertQueue('full', { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
    for (const queue of ['q', 'full']) await channel.bindQueue(queue, 'amq.fanout', '');
    await raw.call('confirm.select', {});
    raw.publish({ exchange: 'amq.fanout' }, 'x');

    expect(await confirmed(1)).to.deep.equal(['nack 1']);
    expect(await bodies(channel, 'q')).to.deep.equal(['x']);
  });

  it('and returned comes back before it is confirmed, with its body', async () => {
    await raw.call('confirm.select', {});
    raw.publish({ routingKey: 'nowhere', mandatory: true }, 'mine');
    const first = await raw.receive('basic.return', 'basic.ack');
    const second = await raw.receive('basic.return', 'basic.ack');

    expect([first.name, first.body?.toString(), second.name]).to.deep.equal([
      'basic.return',
      'mine',
      'basic.ack',
    ]);
    expect(first.fields).to.deep.equal({
      replyCode: 312,
      replyText: 'NO_ROUTE',
      exchange: '',
      routingKey: 'nowhere',
    });
  });

  it('to a missing exchange closes the channel; what came before is confirmed first, what comes after is void', async () => {
    const { channel } = opened();
    await raw.call('confirm.select', {});
    raw.publish({ routingKey: 'q' }, 'before');
    expect(await confirmed(1)).to.deep.equal(['ack 1']);
    raw.publish({ exchange: 'none' }, 'wrong');
    raw.publish({ routingKey: 'q' }, 'after');
    expect(said(await raw.receive('channel.close'))).to.deep.equal([
      'channel.close',
      404,
      "NOT_FOUND - no exchange 'none' in vhost 'V'",
    ]);
    raw.send('channel.close-ok', {});
    await raw.call('channel.open', {}); // the number is free again, and everything on it is new
    await raw.call('confirm.select', {});
    raw.publish({ routingKey: 'q' }, 'anew');
    expect(await confirmed(1)).to.deep.equal(['ack 1']);

    expect(await bodies(channel, 'q')).to.deep.equal(['before', 'anew']);
  });

  it('to an internal exchange is refused', async () => {
    const { channel, connection } = opened();
    await channel.assertExchange('inner', 'fanout', { internal: true });
    const { code, text } = await refusal(connection, (c) =>
      Promise.resolve(c.publish('inner', '', Buffer.from('x'))),
    );

    expect(`${code} ${text}`).to.equal(
      "403 ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost 'V'",
    );
  });

  it('immediately is not implemented', async () => {
    raw.publish({ routingKey: 'q', immediate: true });

    expect(said(await raw.receive('connection.close'))).to.deep.equal([
      'connection.close',
      540,
      'NOT_IMPLEMENTED - immediate=true',
    ]);
  });

  it('keeps headers of every type, and properties, as they were', async () => {
    const { channel } = opened();
    const headers = {
      text: 'ä',
      whole: 5,
      big: 2 ** 40,
      negative: -70_000,
      half: 0.5,
      yes: true,
      none: null,
      list: [1, 'two', [true]],
      table: { a: { b: 'c' } },
      time: { '!': 'timestamp', value: 1_700_000_000 },
    };
    const properties = {
      contentType: 'a/b',
      contentEncoding: 'c',
      priority: 3,
      correlationId: 'd',
      replyTo: 'e',
      messageId: 'f',
      timestamp: 1_700_000_001,
      type: 'g',
      userId: 'guest',
      appId: 'h',
    };
    channel.sendToQueue('q', Buffer.from('x'), { headers, ...properties, persistent: true });
    await channel.waitForConfirms();
    const message = await channel.get('q', { noAck: true });
    if (message === false) throw new Error('nothing there');

    expect(message.properties).to.deep.include({ ...properties, headers, deliveryMode: 2 });
  });

  describe('without waiting', () => {
    it('declares, binds, consumes, cancels, purges and deletes, and nothing is answered', async () => {
      const { channel } = opened();
      raw.send('exchange.declare', { exchange: 'e', type: 'fanout', noWait: true });
      raw.send('exchange.declare', { exchange: 'f', type: 'fanout', noWait: true });
      raw.send('exchange.bind', { destination: 'f', source: 'e', noWait: true });
      raw.send('queue.declare', { queue: 'n', durable: true, noWait: true });
      raw.send('queue.bind', { queue: 'n', exchange: 'f', noWait: true });
      raw.send('confirm.select', { noWait: true });
      raw.publish({ exchange: 'e' }, 'through both');
      raw.send('basic.consume', { queue: 'n', consumerTag: 't', noWait: true });
      expect((await raw.receive('basic.deliver')).body?.toString()).to.equal('through both');
      await raw.receive('basic.ack');
      raw.send('basic.cancel', { consumerTag: 't', noWait: true });
      raw.send('queue.purge', { queue: 'n', noWait: true });
      raw.send('exchange.unbind', { destination: 'f', source: 'e', noWait: true });
      raw.send('queue.delete', { queue: 'n', noWait: true });
      raw.send('exchange.delete', { exchange: 'e', noWait: true });
      raw.send('exchange.delete', { exchange: 'f', noWait: true });

      expect(await raw.rest()).to.deep.equal([]);
      await waitFor(async () => (await channel.deleteQueue('n')).messageCount === 0);
    });

    it('is refused as if it had waited', async () => {
      raw.send('queue.declare', { queue: 'none', passive: true, noWait: true });

      expect(said(await raw.receive('channel.close'))).to.deep.equal([
        'channel.close',
        404,
        "NOT_FOUND - no queue 'none' in vhost 'V'",
      ]);
    });
  });

  it('goes to the last queue where none is named', async () => {
    const { channel } = opened();
    const { fields } = await raw.call('queue.declare', { exclusive: true });
    await raw.call('queue.bind', { exchange: 'amq.direct' });
    raw.publish({ exchange: 'amq.direct', routingKey: String(fields.queue) }, 'found');
    raw.send('basic.get', { noAck: true });
    expect((await raw.receive('basic.get-ok')).body?.toString()).to.equal('found');
    await publish(channel, 'q', ['x']);
    expect((await raw.call('queue.purge', { queue: 'q' })).fields).to.deep.equal({ messageCount: 1 });
    await raw.call('queue.delete', {});

    const again = await raw.call('queue.declare', { queue: String(fields.queue), passive: true });
    expect(again.fields.replyCode).to.equal(404);
  });
});
