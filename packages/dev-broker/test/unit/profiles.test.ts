import amqp, { type Channel, type ChannelModel, type ConsumeMessage, type GetMessage } from 'amqplib';
import { expect } from 'chai';

import type { ProfileName } from '../../dist/engine/profile.js';
import { profiles } from '../../dist/engine/profile.js';
import { Vhost } from '../../dist/engine/vhost.js';
import { type DevBroker, startBroker } from '../../dist/index.js';
import { Channel as ServerChannel } from '../../dist/server/channel.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';

const halfAnHour = 1_800_000;
const quorum = { arguments: { 'x-queue-type': 'quorum' } };

describe('a broker that behaves like RabbitMQ', () => {
  let clock: ManualClock;
  let broker: DevBroker;
  let connection: ChannelModel;
  let channel: Channel;
  let errors: string[];

  async function open(profile: ProfileName): Promise<void> {
    clock = new ManualClock();
    broker = await startBroker({ profile, clock });
    connection = await amqp.connect(broker.url);
    errors = [];
    connection.on('error', (error: Error) => errors.push(error.message));
    channel = await connection.createChannel();
    channel.on('error', (error: Error) => errors.push(error.message));
  }

  afterEach(async () => {
    await connection.close().catch(() => undefined); // a test may have ended it
    await broker.stop();
  });

  async function got(queue: string): Promise<GetMessage> {
    const message = await channel.get(queue);
    if (message === false) throw new Error(`nothing in ${queue}`);
    return message;
  }
  const ended = (): Promise<unknown> => new Promise((resolve) => channel.on('error', resolve));

  /** The next message or the news that there will be none. */
  function consumed(queue: string): { next: () => Promise<ConsumeMessage | null> } {
    const waiting: ((message: ConsumeMessage | null) => void)[] = [];
    const came: (ConsumeMessage | null)[] = [];
    void channel.consume(queue, (message) => {
      const take = waiting.shift();
      if (take === undefined) came.push(message);
      else take(message);
    });
    const next = (): Promise<ConsumeMessage | null> =>
      came.length > 0
        ? Promise.resolve(came.shift() ?? null)
        : new Promise((resolve) => waiting.push(resolve));
    return { next };
  }

  describe('3.10', () => {
    beforeEach(() => open('3.10'));

    it('closes the channel when a delivery was not settled for half an hour, not before', async () => {
      await channel.assertQueue('q');
      channel.sendToQueue('q', Buffer.from('x'));
      await got('q');
      await clock.advance(halfAnHour - 1);
      await channel.checkQueue('q');
      const end = ended();
      await clock.advance(1);

      expect(await end).to.have.property('code', 406);
      expect(errors[0]).to.include('channel 1 timed out. Timeout value used: 1800000 ms');
      const other = await connection.createChannel();
      expect((await other.checkQueue('q')).messageCount).to.equal(1);
    });

    it('goes by the oldest delivery that is left', async () => {
      await channel.assertQueue('q');
      for (const body of ['a', 'b']) channel.sendToQueue('q', Buffer.from(body));
      const first = await got('q');
      await clock.advance(halfAnHour / 2);
      await got('q');
      channel.ack(first);
      await channel.checkQueue('q');
      await clock.advance(halfAnHour / 2);
      await channel.checkQueue('q');
      const end = ended();
      await clock.advance(halfAnHour / 2);

      expect(await end).to.have.property('code', 406);
    });

    it('has no delivery limit for quorum queues, and lets a queue be transient', async () => {
      await channel.assertQueue('transient', { durable: false });
      await channel.assertQueue('q', quorum);
      channel.sendToQueue('q', Buffer.from('x'));
      for (let round = 0; round < 30; round++) channel.nack(await got('q'));

      const { properties } = await got('q');
      expect(properties.headers?.['x-delivery-count']).to.equal(30);
    });
  });

  describe('3.13', () => {
    beforeEach(() => open('3.13'));

    it('tells where a message died last, and goes on counting what a client wrote', async () => {
      await channel.assertQueue('dead');
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      await channel.assertQueue('q', { arguments: args });
      channel.sendToQueue('q', Buffer.from('x'));
      channel.reject(await got('q'), false);
      const first = await got('dead');
      channel.sendToQueue('q', first.content, { headers: first.properties.headers });
      channel.reject(await got('q'), false);

      const { headers } = (await got('dead')).properties;
      expect(headers).to.include({ 'x-last-death-queue': 'q', 'x-last-death-reason': 'rejected' });
      expect((headers?.['x-death'] as unknown as { count: number }[])[0]?.count).to.equal(2);
    });
  });

  describe('4.3', () => {
    beforeEach(() => open('4.3'));

    it('has no queues that are neither durable nor exclusive', async () => {
      const closed = new Promise((resolve) => connection.on('close', resolve));
      channel.assertQueue('q', { durable: false }).catch(() => undefined); // `errors` tells
      await closed;

      expect(errors.join()).to.include('541 (INTERNAL-ERROR)').and.include('transient_nonexcl_queues');
    });

    it('has transient queues that are exclusive', async () => {
      await channel.assertQueue('q', { durable: false, exclusive: true });
    });

    it('takes a prefetch of the channel as one of each consumer', async () => {
      await channel.prefetch(1, true);
      await channel.assertQueue('q', quorum);
      await channel.assertQueue('r');
      for (const queue of ['q', 'r']) channel.sendToQueue(queue, Buffer.from(queue));
      const [one, two] = [consumed('q'), consumed('r')];

      expect([(await one.next())?.content.toString(), (await two.next())?.content.toString()]).to.deep.equal([
        'q',
        'r',
      ]);
    });

    it('ends a message that is rejected the 21st time, however often it was given back otherwise', async () => {
      const dead = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      await channel.assertQueue('dead');
      await channel.assertQueue('q', { arguments: { ...quorum.arguments, ...dead } });
      channel.sendToQueue('q', Buffer.from('x'));
      for (let round = 0; round < 30; round++) channel.nack(await got('q'));
      const { headers } = (
        await channel.get('q').then((message) => {
          if (message === false) throw new Error('it is gone');
          channel.reject(message, true);
          return message;
        })
      ).properties;
      expect([headers?.['x-acquired-count'], headers?.['x-delivery-count']]).to.deep.equal([30, undefined]);
      for (let round = 0; round < 20; round++) channel.reject(await got('q'), true);

      expect((await got('dead')).properties.headers).to.include({ 'x-first-death-reason': 'delivery_limit' });
    });

    it('hands out by priority from quorum queues, where none is 4', async () => {
      await channel.assertQueue('q', quorum);
      for (const [body, priority] of [
        ['none', undefined],
        ['3', 3],
        ['5', 5],
        ['99', 99],
        ['0', 0],
      ] as const) {
        channel.sendToQueue('q', Buffer.from(body), priority === undefined ? {} : { priority });
      }
      const order: string[] = [];
      for (let index = 0; index < 5; index++) order.push((await got('q')).content.toString());

      expect(order).to.deep.equal(['99', '5', 'none', '3', '0']);
    });

    it('takes a late message back from a quorum queue’s consumer, cancels it, and leaves the channel open', async () => {
      await channel.assertQueue('q', quorum);
      await channel.assertQueue('classic');
      for (const queue of ['q', 'classic']) channel.sendToQueue(queue, Buffer.from('x'));
      const [late, classic] = [consumed('q'), consumed('classic')];
      const message = await late.next();
      await classic.next();
      await clock.advance(halfAnHour);
      expect(await late.next()).to.equal(null);

      expect(broker.consumers().map(({ queue }) => queue)).to.deep.equal(['classic']);
      if (message !== null) channel.ack(message); // too late, and void
      const again = await got('q');
      expect([again.fields.redelivered, again.properties.headers?.['x-acquired-count']]).to.deep.equal([
        true,
        1,
      ]);
      expect(errors).to.deep.equal([]);
    });

    it('closes the channel of a client that did not announce to understand a cancellation', async () => {
      const own = await amqp.connect(broker.url, { clientProperties: { capabilities: {} } });
      const holder = await own.createChannel();
      const end = new Promise((resolve) => holder.on('error', resolve));
      await holder.assertQueue('q', quorum);
      holder.sendToQueue('q', Buffer.from('x'));
      const got = new Promise((resolve) => void holder.consume('q', resolve));
      await got;
      await clock.advance(halfAnHour);

      expect(await end).to.have.property('code', 406);
      await own.close();
    });

    it('begins the deaths of a message anew that a client sends with some', async () => {
      await channel.assertQueue('dead');
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' };
      await channel.assertQueue('q', { arguments: args });
      channel.sendToQueue('q', Buffer.from('x'), {
        headers: { 'x-death': [{ queue: 'q', reason: 'rejected', count: 7 }] },
      });
      channel.reject(await got('q'), false);

      const deaths = (await got('dead')).properties.headers?.['x-death'] as unknown as { count: number }[];
      expect(deaths.map(({ count }) => count)).to.deep.equal([1]);
    });
  });
});

describe('a channel', () => {
  it('tells nobody of a cancellation who would not understand it', () => {
    const sent: string[] = [];
    const vhost = new Vhost('/', { clock: new ManualClock(), profile: profiles['3.10'] });
    const connection = {
      vhost,
      flowing: true,
      clientCapabilities: new Set<string>(),
      send: (_channel: number, name: string) => void sent.push(name),
      sendContent: () => undefined,
      confirmFate: () => 'tell' as const,
      refuseChannel: () => undefined,
    };
    const server = new ServerChannel(1, connection);
    const fields = { durable: false, exclusive: false, autoDelete: false, arguments: {}, connection };
    vhost.declareQueue({ ...fields, name: 'q', isServerNamed: false });
    server.method({
      name: 'basic.consume',
      fields: {
        ticket: 0,
        queue: 'q',
        consumerTag: 't',
        noLocal: false,
        noAck: false,
        exclusive: false,
        noWait: false,
        arguments: {},
      },
    });
    vhost.deleteQueue('q', { ifUnused: false, ifEmpty: false, connection });

    expect(sent).to.deep.equal(['basic.consume-ok']);
  });
});
