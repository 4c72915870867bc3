import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import amqp, { type ChannelModel, type ConfirmChannel } from 'amqplib';
import { expect } from 'chai';

import { type DevBroker, startBroker } from '../../dist/index.js';
import { message, method, opening } from '../support/session.js';

const mebibyte = 1_048_576;
const many = 200;
/** What the system's own buffers and ours may take, in messages of a mebibyte. */
const bounded = 24;

/** All the buffers of the system have had their chance: the broker has gone round its loop that often. */
async function roundTrips(channel: ConfirmChannel): Promise<void> {
  for (let trip = 0; trip < 100; trip++) await channel.checkQueue('q');
}

describe('a client that does not read', () => {
  let broker: DevBroker;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let client: Socket;
  let received = 0;

  /** 200 MiB wait in `q`. */
  beforeEach(async () => {
    broker = await startBroker();
    connection = await amqp.connect(broker.url);
    channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    const body = Buffer.alloc(mebibyte);
    for (let index = 0; index < many; index++) channel.sendToQueue('q', body);
    await channel.waitForConfirms();
    client = connect(broker.port, '127.0.0.1');
    received = 0;
    client.on('data', (chunk: Buffer) => (received += chunk.length));
    await once(client, 'connect');
    client.write(Buffer.concat([...opening, method(1, 'channel.open')]));
    await once(client, 'data');
    client.pause();
  });

  afterEach(async () => {
    client.destroy();
    await connection.close();
    await broker.stop();
  });

  const ready = (): number => broker.queues().find(({ name }) => name === 'q')?.messagesReady ?? 0;

  /** Reads until that much has come. */
  async function readAll(bytes: number): Promise<void> {
    client.resume();
    while (received < bytes) await once(client, 'data');
  }

  for (const noAck of [false, true]) {
    const how = noAck ? 'without acknowledging' : 'without prefetch';
    it(`is sent no more than it takes when it consumes ${how}, and the rest when it reads`, async () => {
      client.write(method(1, 'basic.consume', { queue: 'q', consumerTag: 'c', noAck }));
      await roundTrips(channel);
      expect(ready()).to.be.above(many - bounded);
      await readAll(many * mebibyte);

      expect(ready()).to.equal(0);
    });
  }

  it('is not answered what it asks for, and is when it reads', async () => {
    const get = method(1, 'basic.get', { queue: 'q', noAck: true });
    client.write(Buffer.concat(Array.from({ length: many }, () => get)));
    await roundTrips(channel);
    expect(ready()).to.be.above(many - bounded);
    await readAll(many * mebibyte);

    expect(ready()).to.equal(0);
  });

  it('is not read while it publishes what has to be returned', async () => {
    const returned = Buffer.concat(message(1, 'nowhere', Buffer.alloc(mebibyte)));
    for (let index = 0; index < many; index++) client.write(returned);
    await roundTrips(channel);
    expect(client.writableLength).to.be.above((many - bounded) * mebibyte);
    await readAll(many * mebibyte);

    expect(client.writableLength).to.equal(0);
  });

  it('does not keep others from being served', async () => {
    client.write(method(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }));
    await roundTrips(channel);
    const message = await channel.get('q', { noAck: true });

    expect(message && message.content.length).to.equal(mebibyte);
  });

  it('is sent from all its consumers when it reads, not from the first one only', async () => {
    await channel.assertQueue('other');
    client.write(
      Buffer.concat([
        method(1, 'basic.consume', { queue: 'q', consumerTag: 'a', noAck: true }),
        method(1, 'basic.consume', { queue: 'other', consumerTag: 'b', noAck: true }),
      ]),
    );
    await roundTrips(channel);
    channel.sendToQueue('other', Buffer.from('small'));
    await channel.waitForConfirms();
    client.resume();
    while (broker.queues().find(({ name }) => name === 'other')?.messagesReady !== 0)
      await once(client, 'data');

    expect(ready()).to.be.above(0);
  });
});
