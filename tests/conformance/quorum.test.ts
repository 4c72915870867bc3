import type { Channel, ConsumeMessage, GetMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { RawClient } from './raw-client.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

onEveryBroker('quorum queues', (opened) => {
  const quorum = (args: object = {}): { arguments: object } => ({
    arguments: { 'x-queue-type': 'quorum', ...args },
  });

  describe('are refused', () => {
    const properties: Readonly<Record<string, object>> = {
      'non-durable': { durable: false },
      'exclusive-owner': { exclusive: true },
      'auto-delete': { autoDelete: true },
    };
    for (const [property, options] of Object.entries(properties)) {
      it(property, async () => {
        const { connection } = opened();
        const { code, text } = await refusal(connection, (c) =>
          c.assertQueue('q', { ...quorum(), ...options }),
        );

        expect(`${code} ${text}`).to.equal(
          `406 PRECONDITION_FAILED - invalid property '${property}' for queue 'q' in vhost 'V'`,
        );
      });
    }

    for (const [name, value] of Object.entries({
      'x-max-priority': 5,
      'x-queue-mode': 'lazy',
      'x-queue-version': 2,
      'x-max-age': '1h',
    })) {
      it(`with ${name}`, async () => {
        const { connection } = opened();
        const { code, text } = await refusal(connection, (c) =>
          c.assertQueue('q', quorum({ [name]: value })),
        );

        expect(`${code} ${text}`).to.equal(
          `406 PRECONDITION_FAILED - invalid arg '${name}' for queue 'q' in vhost 'V' of queue type rabbit_quorum_queue`,
        );
      });
    }

    it('without a name', async () => {
      const { connection } = opened();
      const { code, text } = await refusal(connection, (c) => c.assertQueue('', quorum()));

      expect(`${code} ${text}`).to.equal(
        '406 PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue',
      );
    });

    it('with another delivery limit than they have', async () => {
      const { channel, connection } = opened();
      await channel.assertQueue('q', quorum({ 'x-delivery-limit': 2 }));
      const { code, text } = await refusal(connection, (c) =>
        c.assertQueue('q', quorum({ 'x-delivery-limit': 3 })),
      );

      expect(`${code} ${text}`).to.equal(
        "406 PRECONDITION_FAILED - inequivalent arg 'x-delivery-limit' for queue 'q' in vhost 'V': received '3' but current is '2'",
      );
    });
  });

  it('take what only they know, and what they do not heed', async () => {
    const { channel } = opened();
    await channel.assertQueue(
      'q',
      quorum({
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish-dlx',
        'x-quorum-initial-group-size': 1,
        'x-queue-leader-locator': 'client-local',
        'x-max-in-memory-length': 5,
        'x-unknown': 'yes',
      }),
    );
  });

  /** The order after the third, the first and the second of four were given back. */
  async function orderAfterReturns(args: Record<string, unknown>): Promise<string[]> {
    const { channel } = opened();
    await channel.assertQueue('q', quorum(args));
    await publish(channel, 'q', ['a', 'b', 'c', 'd']);
    const [a, b, c] = [await take(channel, 'q'), await take(channel, 'q'), await take(channel, 'q')];
    channel.nack(c, false, true);
    channel.nack(a, false, true);
    channel.reject(b, true);
    await ready(channel, 4);
    return bodies(channel, 'q');
  }

  it('without a limit put back what is returned behind the others', async () => {
    expect(await orderAfterReturns({})).to.deep.equal(['d', 'c', 'a', 'b']);
  });

  it('with a limit put it before the others, in the order of its return', async () => {
    expect(await orderAfterReturns({ 'x-delivery-limit': 10 })).to.deep.equal(['c', 'a', 'b', 'd']);
  });

  it('put what a closed channel held before the others, oldest first', async () => {
    const { channel, connection } = opened();
    await channel.assertQueue('q', quorum());
    await publish(channel, 'q', ['a', 'b', 'c', 'd']);
    const holder = await connection.createChannel();
    const got: ConsumeMessage[] = [];
    await holder.prefetch(3);
    await holder.consume('q', (message) => message !== null && got.push(message));
    await waitFor(() => got.length === 3);
    await holder.close();
    await ready(channel, 4);

    expect(await bodies(channel, 'q')).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('count deliveries that come back, by whatever way', async () => {
    const { channel, connection } = opened();
    await channel.assertQueue('q', quorum({ 'x-delivery-limit': 5 }));
    await publish(channel, 'q', ['x']);
    const counts: unknown[] = [];
    const count = ({ properties, fields }: GetMessage): number =>
      counts.push([properties.headers?.['x-delivery-count'], fields.redelivered]);
    const first = await take(channel, 'q');
    count(first);
    channel.nack(first);
    const second = await take(channel, 'q');
    count(second);
    channel.reject(second, true);
    const other = await connection.createChannel();
    count(await take(other, 'q'));
    await other.close();
    count(await take(channel, 'q'));

    expect(counts).to.deep.equal([
      [0, false], // by basic.get; a consumer is told nothing the first time
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  it('have no prefetch of the whole channel', async () => {
    const { channel, subject } = opened();
    await channel.assertQueue('q', quorum());
    const raw = await RawClient.open(subject.url);
    await raw.call('basic.qos', { prefetchCount: 5, global: true });
    const { name, fields } = await raw.call('basic.consume', { queue: 'q' });
    raw.close();

    expect([name, fields.replyCode, withoutVhost(fields.replyText)]).to.deep.equal([
      'connection.close',
      540,
      "NOT_IMPLEMENTED - queue 'q' in vhost 'V' does not support global qos",
    ]);
  });

  for (const flag of ['ifUnused', 'ifEmpty'] as const) {
    it(`are not deleted on conditions (${flag})`, async () => {
      const { channel, subject } = opened();
      await channel.assertQueue('q', quorum());
      const raw = await RawClient.open(subject.url);
      const { fields } = await raw.call('queue.delete', { queue: 'q', [flag]: true });
      raw.close();

      const name = flag === 'ifUnused' ? 'if-unused' : 'if-empty';
      expect([fields.replyCode, withoutVhost(fields.replyText)]).to.deep.equal([
        540,
        `NOT_IMPLEMENTED - cannot delete queue 'q' in vhost 'V'. queue.delete operations with ${name} flag set are not supported by quorum queues`,
      ]);
    });
  }

  it('with one active consumer have no basic.get', async () => {
    const { channel, connection } = opened();
    await channel.assertQueue('q', quorum({ 'x-single-active-consumer': true }));
    const { code, text } = await refusal(connection, (c) => c.get('q'));

    expect(`${code} ${text}`).to.equal(
      "405 RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost 'V'. basic.get operations are not supported by quorum queues with single active consumer",
    );
  });

  it('hand over to the next when the one active consumer leaves', async () => {
    const { channel, connection } = opened();
    await channel.assertQueue('q', quorum({ 'x-single-active-consumer': true }));
    const [one, two] = [await connection.createChannel(), await connection.createChannel()];
    const [first, second]: [ConsumeMessage[], ConsumeMessage[]] = [[], []];
    await one.consume('q', (message) => message !== null && first.push(message));
    await two.consume('q', (message) => message !== null && second.push(message));
    await publish(channel, 'q', ['a', 'b']);
    await waitFor(() => first.length === 2);
    await one.close();

    await waitFor(() => second.length === 2);
    expect(second.map(({ content }) => content.toString())).to.deep.equal(['a', 'b']);
  });

  it('let messages expire, and drop the oldest when they are full', async () => {
    const { channel } = opened();
    const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
    await channel.assertQueue('dead');
    await channel.assertQueue('short', quorum({ ...dead, 'x-message-ttl': 50 }));
    await channel.assertQueue('small', quorum({ ...dead, 'x-max-length': 1 }));
    await publish(channel, 'short', ['expired']);
    const reasons = [reason(await take(channel, 'dead', { noAck: true }))];
    await publish(channel, 'small', ['dropped', 'kept']);
    reasons.push(reason(await take(channel, 'dead', { noAck: true })));

    expect(reasons).to.deep.equal(['expired expired', 'dropped maxlen']);
    expect(await bodies(channel, 'small')).to.deep.equal(['kept']);
  });

  const reason = ({ content, properties }: GetMessage): string =>
    `${content.toString()} ${properties.headers?.['x-first-death-reason'] as string}`;
  const ready = (channel: Channel, count: number): Promise<true> =>
    waitFor(async () => (await channel.checkQueue('q')).messageCount === count);
});

function withoutVhost(text: unknown): string {
  return String(text).replace(/in vhost '[^']*'/u, "in vhost 'V'");
}
