import { once } from 'node:events';
import { connect } from 'node:net';

import amqp from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';

import { frameText } from '../../dist/codec/frames.js';
import { encodeMethod } from '../../dist/codec/method-codec.js';
import { type DevBroker, startBroker } from '../../dist/index.js';

const hello = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** Writes bytes and hangs up, or is hung up on. */
async function throwAt(broker: DevBroker, bytes: Buffer): Promise<void> {
  const socket = connect(broker.port, '127.0.0.1');
  socket.on('error', () => undefined); // being reset is one of the right answers
  await once(socket, 'connect');
  socket.resume();
  socket.end(bytes);
  await once(socket, 'close');
}

async function stillWorks(broker: DevBroker): Promise<void> {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('q');
  channel.sendToQueue('q', Buffer.from('x'));
  await channel.waitForConfirms();
  expect((await channel.deleteQueue('q')).messageCount).to.equal(1);
  await connection.close();
}

describe('a broker that clients are unkind to', () => {
  let broker: DevBroker;

  beforeEach(async () => {
    broker = await startBroker();
  });

  afterEach(async () => {
    await broker.stop();
  });

  it('outlives random bytes, with and without the right beginning', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, polite) => {
        await throwAt(broker, polite ? Buffer.concat([hello, Buffer.from(bytes)]) : Buffer.from(bytes));
      }),
      { numRuns: 60 },
    );

    await stillWorks(broker);
  });

  it('outlives methods out of order, content without a method, and frames on channels nobody opened', async () => {
    const method = (channel: number, text: string): string => frameText(1, channel, text);
    const tries = [
      method(0, encodeMethod('connection.open', { virtualHost: '/', capabilities: '', insist: false })),
      method(1, encodeMethod('channel.open', { outOfBand: '' })),
      method(5, encodeMethod('basic.ack', { deliveryTag: 1, multiple: true })),
      frameText(2, 1, '\x00\x3c\x00\x00'),
      frameText(3, 1, 'body'),
      frameText(9, 0, ''),
    ];
    for (const one of tries) await throwAt(broker, Buffer.concat([hello, Buffer.from(one, 'latin1')]));

    await stillWorks(broker);
  });

  it('answers another protocol with the version it speaks, and hangs up', async () => {
    const socket = connect(broker.port, '127.0.0.1');
    socket.end('GET / HTTP/1.1\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];

    expect(answer.equals(hello)).to.equal(true);
  });

  it('forgets connections that are opened and dropped', async () => {
    await Promise.all(Array.from({ length: 200 }, () => throwAt(broker, hello)));

    await stillWorks(broker);
    expect(broker.connections.length).to.be.at.most(1);
  });

  it('refuses a wrong password and an unknown virtual host as RabbitMQ does', async () => {
    const at = (user: string, vhost: string): Promise<string> =>
      amqp.connect(`amqp://guest:${user}@127.0.0.1:${broker.port}/${vhost}`).then(
        () => 'let in',
        (error: unknown) => (error as Error).message,
      );

    expect(await at('wrong', '%2F')).to.include('403 (ACCESS-REFUSED)');
    expect(await at('guest', 'none')).to.include('ConnectionOpenOk');
  });
});
