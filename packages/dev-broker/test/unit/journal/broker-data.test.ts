/** A broker with a data directory, stopped and started again: what clients find. Time by hand. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

import amqp, { type ConfirmChannel, type GetMessage, type Options } from 'amqplib';
import { expect } from 'chai';

import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';
import { type BrokerOptions, type DevBroker, startBroker } from '../../../dist/index.js';
import { DataDirectories } from '../../support/data-directory.js';

describe('a broker that keeps data', () => {
  const directories = new DataDirectories();
  const clock = new ManualClock();
  let data: string;
  let broker: DevBroker | undefined;

  beforeEach(() => {
    data = directories.make();
  });
  afterEach(async () => {
    await broker?.stop();
    broker = undefined;
    directories.clear();
  });

  /** Stops the one before. */
  async function started(options: BrokerOptions = {}): Promise<DevBroker> {
    await broker?.stop();
    broker = await startBroker({ data, clock, logger: directories.logger, ...options });
    return broker;
  }

  async function using<T>(url: string, use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const connection = await amqp.connect(url);
    connection.on('error', () => undefined); // a broker that is stopped says so
    try {
      const channel = await connection.createConfirmChannel();
      return await use(channel);
    } finally {
      await connection.close().catch(() => undefined); // the broker may be gone
    }
  }

  async function publish(
    channel: ConfirmChannel,
    bodies: string,
    options: Options.Publish = {},
  ): Promise<void> {
    for (const body of bodies) channel.sendToQueue('q', Buffer.from(body), { persistent: true, ...options });
    await channel.waitForConfirms();
  }

  const waiting = (queue = 'q', vhost = '/'): string =>
    (broker?.messages(queue, vhost) ?? []).map(({ body }) => body.toString()).join('');

  it('has durable exchanges, queues and bindings again, and not what is transient, exclusive, or half', async () => {
    const { url } = await started();
    await using(url, async (channel) => {
      await channel.assertExchange('kept', 'topic', { alternateExchange: 'other' });
      await channel.assertExchange('gone', 'fanout', { durable: false });
      await channel.assertQueue('q', { arguments: { 'x-max-length': 5, 'x-dead-letter-exchange': 'kept' } });
      await channel.assertQueue('mine', { exclusive: true });
      await channel.assertQueue('transient', { durable: false });
      await channel.bindQueue('q', 'kept', 'a.*', { n: 1 });
      for (const queue of ['mine', 'transient']) await channel.bindQueue(queue, 'kept', 'b');
      await channel.bindQueue('q', 'gone', '');
      await channel.bindQueue('q', 'amq.fanout', '');
      await channel.unbindQueue('q', 'amq.fanout', '');
      await channel.bindExchange('amq.direct', 'kept', 'k');
    });
    const again = await started();

    expect(again.queues().map(({ name, arguments: args }) => ({ name, ...args }))).to.deep.equal([
      { name: 'q', 'x-max-length': 5, 'x-dead-letter-exchange': 'kept' },
    ]);
    expect(
      again
        .exchanges()
        .filter(({ name }) => name !== '' && !name.startsWith('amq.'))
        .map(({ name, type, arguments: args }) => ({ name, type, ...args })),
    ).to.deep.equal([{ name: 'kept', type: 'topic', 'alternate-exchange': 'other' }]);
    expect(
      again.bindings().map(({ source, destination, routingKey }) => `${source} ${destination} ${routingKey}`),
    ).to.deep.equal([' q q', 'kept q a.*', 'kept amq.direct k']);
  });

  it('has persistent messages again, those that a client held as redelivered, at their place', async () => {
    const { url } = await started();
    await using(url, async (channel) => {
      await channel.assertQueue('q');
      await publish(channel, 'ab');
      await publish(channel, 't', { persistent: false });
      await publish(channel, 'cd');
      await channel.get('q');
      const second = (await channel.get('q')) as GetMessage;
      channel.ack(second);
      await channel.checkQueue('q'); // answered after the ack
    });
    const again = await started();

    expect(waiting()).to.equal('acd');
    expect(again.messages('q').map(({ redelivered }) => redelivered)).to.deep.equal([true, false, false]);
    await using(again.url, async (channel) => publish(channel, 'e'));
    await started();
    expect(waiting()).to.equal('acde');
  });

  it('lets messages expire when they would have, also while it was away', async () => {
    const { url } = await started();
    await using(url, async (channel) => {
      await channel.assertQueue('q', { deadLetterExchange: '', deadLetterRoutingKey: 'dead' });
      await channel.assertQueue('dead');
      await publish(channel, 'a', { expiration: 1000 });
      await publish(channel, 'b', { expiration: 5000 });
    });
    await broker?.stop();
    await clock.advance(3000);
    const again = await started();

    expect([waiting(), waiting('dead')]).to.deep.equal(['b', 'a']);
    await clock.advance(2000);
    expect([waiting(), waiting('dead')]).to.deep.equal(['', 'ab']);
    const [death] = again.messages('dead')[0]?.properties.headers['x-death'] as Record<string, unknown>[];
    expect(death).to.include({ queue: 'q', reason: 'expired', 'original-expiration': '1000' });
    await started();
    expect([waiting(), waiting('dead')]).to.deep.equal(['', 'ab']);
  });

  it('begins the time of disuse anew, and forgets for good a queue that was not used', async () => {
    const { url } = await started();
    await using(url, (channel) => channel.assertQueue('q', { expires: 1000 }));
    await broker?.stop();
    await clock.advance(5000);
    const again = await started();
    expect(again.queues()).to.have.length(1);

    await clock.advance(1000);
    expect(again.queues()).to.have.length(0);
    expect((await started()).queues()).to.have.length(0);
  });

  it('counts on how often a message of a quorum queue came back', async () => {
    const { url } = await started();
    const quorum = { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 } };
    await using(url, async (channel) => {
      await channel.assertQueue('q', quorum);
      await publish(channel, 'a');
    });
    for (const count of [0, 1, 2]) {
      const { url: current } = await started();
      const connection = await amqp.connect(current);
      connection.on('error', () => undefined); // the broker is stopped while the client has the message
      const closed = new Promise((resolve) => connection.once('close', resolve));
      const message = (await (await connection.createChannel()).get('q')) as GetMessage;
      await started();
      await closed;

      expect(message.properties.headers?.['x-delivery-count']).to.equal(count);
    }
    await started();

    expect(waiting()).to.equal('');
  });

  it('counts its own end once, however many clients would have had the message next', async () => {
    const limited = { arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2 } };
    const { url } = await started();
    const connections = await Promise.all([1, 2, 3, 4].map(() => amqp.connect(url)));
    for (const [index, connection] of connections.entries()) {
      connection.on('error', () => undefined); // the broker is stopped
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('q', limited);
      await channel.consume('q', () => undefined);
      if (index === 0) await publish(channel, 'a');
    }
    expect((await started()).queues()[0]).to.include({ messagesReady: 1 });
    await using(broker?.url ?? '', async (channel) => {
      const message = await channel.get('q');
      expect(message && message.properties.headers).to.include({ 'x-delivery-count': 1 });
    });
  });

  it('ends an auto-delete queue with its last consumer, and keeps one that never had any', async () => {
    const { url } = await started();
    await using(url, async (channel) => {
      for (const queue of ['q', 'r']) await channel.assertQueue(queue, { autoDelete: true });
      await channel.consume('q', () => undefined);
    });

    expect((await started()).queues().map(({ name }) => name)).to.deep.equal(['r']);
  });

  it('keeps a deleted queue deleted, with what was in it, and a purged one empty', async () => {
    const { url } = await started();
    await using(url, async (channel) => {
      await channel.assertQueue('q');
      await publish(channel, 'a');
      await channel.deleteQueue('q');
      await channel.assertQueue('q');
      await publish(channel, 'b');
    });
    await started();
    expect(waiting()).to.equal('b');
    broker?.purge('q');
    await started();

    expect(waiting()).to.equal('');
    expect(broker?.queues()).to.have.length(1);
  });

  it('keeps virtual hosts apart, also one that is not served this time', async () => {
    const { url } = await started({ vhosts: ['/', 'other'] });
    const send = (to: string, body: string): Promise<void> =>
      using(to, async (channel) => {
        await channel.assertQueue('q');
        await publish(channel, body);
      });
    await send(url, 'a');
    await send(url.replace('%2F', 'other'), 'b');
    await started();
    expect([waiting(), waiting('q', 'other')]).to.deep.equal(['a', '']);
    const again = await started();
    again.addVhost('other');

    expect([waiting(), waiting('q', 'other')]).to.deep.equal(['a', 'b']);
  });

  it('lets go of its directory when it cannot listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const refused = await startBroker({ data, port }).catch((error: unknown) => error);
    taken.close();

    expect(refused).to.have.property('code', 'EADDRINUSE');
    expect((await started()).data).to.be.a('string');
  });

  it('is the only one in its directory', async () => {
    await started();

    expect(await startBroker({ data }).catch((error: unknown) => error)).to.include({
      code: 'ERR_DATA_LOCKED',
    });
  });
});
