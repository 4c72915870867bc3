import type { Channel, ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { RawClient } from './raw-client.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

onEveryBroker('consumers', (opened) => {
  /** Consumes into a list. */
  async function into(
    list: ConsumeMessage[],
    channel: Channel,
    options: { queue?: string; tag?: string; noAck?: boolean; exclusive?: boolean; priority?: number } = {},
  ): Promise<string> {
    const { queue = 'q', tag, ...rest } = options;
    const { consumerTag } = await channel.consume(
      queue,
      (message) => {
        if (message !== null) list.push(message);
      },
      { ...rest, ...(tag === undefined ? {} : { consumerTag: tag }) },
    );
    return consumerTag;
  }
  const texts = (list: readonly ConsumeMessage[]): string[] => list.map(({ content }) => content.toString());

  beforeEach(async () => {
    const { channel } = opened();
    await channel.assertQueue('q');
    await channel.assertQueue('r');
  });

  describe('share a prefetch', () => {
    it('of their channel, whatever the queue', async () => {
      const { channel, connection } = opened();
      const shared = await connection.createChannel();
      await shared.prefetch(3, true);
      const got: ConsumeMessage[] = [];
      await into(got, shared, { queue: 'q' });
      await into(got, shared, { queue: 'r' });
      await publish(channel, 'q', ['q1', 'q2']);
      await publish(channel, 'r', ['r1', 'r2']);
      await waitFor(() => got.length === 3);
      expect((await channel.checkQueue('r')).messageCount).to.equal(1);
      shared.ack(got[0]!);

      await waitFor(() => got.length === 4);
      expect(texts(got).sort()).to.deep.equal(['q1', 'q2', 'r1', 'r2']);
    });

    it('not with what was fetched by basic.get', async () => {
      const { channel, connection } = opened();
      const shared = await connection.createChannel();
      await shared.prefetch(2, true);
      await publish(channel, 'r', ['r1']);
      await take(shared, 'r');
      await publish(channel, 'q', ['a', 'b', 'c']);
      const got: ConsumeMessage[] = [];
      await into(got, shared);

      await waitFor(() => got.length === 2);
      expect((await channel.checkQueue('q')).messageCount).to.equal(1);
    });

    it('no longer after one for each consumer was set', async () => {
      const { channel, connection } = opened();
      const shared = await connection.createChannel();
      await shared.prefetch(1, true);
      const got: ConsumeMessage[] = [];
      await into(got, shared);
      await publish(channel, 'q', ['a', 'b', 'c']);
      await waitFor(() => got.length === 1);
      await shared.prefetch(1, false);

      await waitFor(() => got.length === 3);
    });
  });

  it('have the prefetch that was set before they came', async () => {
    const { channel, connection } = opened();
    const own = await connection.createChannel();
    const [first, second]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
    await own.prefetch(1);
    await into(first, own);
    await own.prefetch(2);
    await into(second, own, { queue: 'r' });
    await publish(channel, 'q', ['a', 'b', 'c']);
    await publish(channel, 'r', ['a', 'b', 'c']);

    await waitFor(() => first.length === 1 && second.length === 2);
    expect((await channel.checkQueue('q')).messageCount).to.equal(2);
    expect((await channel.checkQueue('r')).messageCount).to.equal(1);
  });

  it('of higher priority are served first, as long as they have room', async () => {
    const { channel, connection } = opened();
    const own = await connection.createChannel();
    await own.prefetch(2);
    const [low, high]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
    await into(low, own, { priority: -1 });
    await into(high, own, { priority: 5 });
    await publish(channel, 'q', ['a', 'b', 'c', 'd', 'e']);
    await waitFor(() => high.length === 2 && low.length === 2);
    own.ack(high[0]!);

    await waitFor(() => high.length === 3);
    expect([texts(high), texts(low)]).to.deep.equal([
      ['a', 'b', 'e'],
      ['c', 'd'],
    ]);
  });

  it('without acknowledgement take all there is', async () => {
    const { channel } = opened();
    await channel.prefetch(1);
    const got: ConsumeMessage[] = [];
    await publish(channel, 'q', ['a', 'b', 'c']);
    await into(got, channel, { noAck: true });
    await waitFor(() => got.length === 3);

    expect(await channel.deleteQueue('q')).to.deep.equal({ messageCount: 0 });
  });

  it('that are cancelled keep what they have, and may settle it', async () => {
    const { channel } = opened();
    await channel.prefetch(2);
    const got: ConsumeMessage[] = [];
    const tag = await into(got, channel);
    await publish(channel, 'q', ['a', 'b', 'c']);
    await waitFor(() => got.length === 2);
    await channel.cancel(tag);
    channel.ack(got[0]!);
    channel.nack(got[1]!);
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 2);

    expect(await bodies(channel, 'q')).to.deep.equal(['b', 'c']);
    expect(await channel.cancel('nobody')).to.deep.equal({ consumerTag: 'nobody' });
  });

  it('use a tag once', async () => {
    const { channel, connection } = opened();
    await into([], channel, { tag: 'mine' });
    await into([], await connection.createChannel(), { tag: 'mine' }); // another channel, another name space
    await channel.cancel('mine');
    await into([], channel, { tag: 'mine' });
  });

  it('that use a tag twice lose the connection', async () => {
    const raw = await RawClient.open(opened().subject.url);
    await raw.call('basic.consume', { queue: 'q', consumerTag: 'mine' });
    const { name, fields } = await raw.call('basic.consume', { queue: 'r', consumerTag: 'mine' });
    raw.close();

    expect([name, fields.replyCode, fields.replyText]).to.deep.equal([
      'connection.close',
      530,
      "NOT_ALLOWED - attempt to reuse consumer tag 'mine'",
    ]);
  });

  for (const [what, first, second] of [
    ['exclusive, keep others out', true, false],
    ['others than exclusive, keep an exclusive one out', false, true],
  ] as const) {
    it(what, async () => {
      const { channel, connection } = opened();
      const tag = await into([], channel, { exclusive: first });
      const { code, text } = await refusal(connection, (c) => into([], c, { exclusive: second }));
      expect(`${code} ${text}`).to.equal("403 ACCESS_REFUSED - queue 'q' in vhost 'V' in exclusive use");
      await channel.cancel(tag);

      await into([], channel, { exclusive: second });
    });
  }

  it('with a priority that is no number are refused', async () => {
    const { connection } = opened();
    const { code, text } = await refusal(connection, (c) =>
      c.consume('q', () => undefined, { arguments: { 'x-priority': 'high' } }),
    );

    expect(`${code} ${text}`).to.equal(
      "406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost 'V': \"expected integer, got longstr\"",
    );
  });

  describe('one alone active', () => {
    beforeEach(async () => {
      await opened().channel.assertQueue('single', { arguments: { 'x-single-active-consumer': true } });
    });
    const options = { queue: 'single' };

    it('stays so, whoever comes, of whatever priority, and has no room for more', async () => {
      const { channel, connection } = opened();
      const own = await connection.createChannel();
      await own.prefetch(1);
      const [first, second]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
      await into(first, own, options);
      await into(second, own, { ...options, priority: 10 });
      await publish(channel, 'single', ['a', 'b']);
      await waitFor(() => first.length === 1);
      expect((await channel.checkQueue('single')).messageCount).to.equal(1);
      own.ack(first[0]!);

      await waitFor(() => first.length === 2);
      expect(second).to.deep.equal([]);
    });

    it('is followed by the one of highest priority, then by the one that waited longest', async () => {
      const { channel, connection } = opened();
      const got: Record<string, ConsumeMessage[]> = { first: [], early: [], late: [], high: [] };
      const channels: Record<string, Channel> = {};
      for (const [name, list] of Object.entries(got)) {
        const own = await connection.createChannel();
        channels[name] = own;
        await into(list, own, { ...options, noAck: true, ...(name === 'high' ? { priority: 1 } : {}) });
      }
      const order: string[] = [];
      for (const body of ['1', '2', '3', '4']) {
        await publish(channel, 'single', [body]);
        const name = await waitFor(() => Object.keys(got).find((key) => texts(got[key]!).includes(body)), {
          what: `a consumer of ${body}`,
        });
        order.push(name);
        await channels[name]!.close();
      }

      expect(order).to.deep.equal(['first', 'high', 'early', 'late']);
    });

    it('gives back what it holds when its channel closes, to its successor', async () => {
      const { channel, connection } = opened();
      const [one, two] = [await connection.createChannel(), await connection.createChannel()];
      const [first, second]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
      await into(first, one, options);
      await into(second, two, options);
      await publish(channel, 'single', ['a', 'b']);
      await waitFor(() => first.length === 2);
      await one.close();

      await waitFor(() => second.length === 2);
      expect(second.map(({ content, fields }) => [content.toString(), fields.redelivered])).to.deep.equal([
        ['a', true],
        ['b', true],
      ]);
    });

    it('keeps what it holds when it is cancelled, while its successor goes on', async () => {
      const { channel, connection } = opened();
      const own = await connection.createChannel();
      const [first, second]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
      const tag = await into(first, own, options);
      await into(second, own, options);
      await publish(channel, 'single', ['a']);
      await waitFor(() => first.length === 1);
      await own.cancel(tag);
      await publish(channel, 'single', ['b']);
      await waitFor(() => second.length === 1);

      expect([texts(first), texts(second)]).to.deep.equal([['a'], ['b']]);
      own.ack(first[0]!);
      expect((await own.checkQueue('single')).consumerCount).to.equal(1);
    });

    it('is never exclusive', async () => {
      const { connection } = opened();
      const { code, text } = await refusal(connection, (c) => into([], c, { ...options, exclusive: true }));

      expect(`${code} ${text}`).to.equal("403 ACCESS_REFUSED - queue 'single' in vhost 'V' in exclusive use");
    });
  });

  it('are told that their queue is gone, once', async () => {
    const { channel, subject } = opened();
    const raw = await RawClient.open(subject.url);
    await raw.call('basic.consume', { queue: 'q', consumerTag: 'mine' });
    await channel.deleteQueue('q');
    const { fields } = await raw.receive('basic.cancel');
    const rest = await raw.rest();
    raw.close();

    expect(fields).to.deep.equal({ consumerTag: 'mine', noWait: true });
    expect(rest).to.deep.equal([]);
  });

  for (const capabilities of [{ consumer_cancel_notify: false }, {}]) {
    it(`are not told when the client announced ${JSON.stringify(capabilities)}`, async () => {
      const { channel, subject } = opened();
      const raw = await RawClient.open(subject.url, { capabilities });
      await raw.call('basic.consume', { queue: 'q', consumerTag: 'mine' });
      await channel.deleteQueue('q');
      const rest = await raw.rest();
      raw.close();

      expect(rest).to.deep.equal([]);
    });
  }
});
