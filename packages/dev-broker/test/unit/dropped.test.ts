import { once } from 'node:events';
import { connect } from 'node:net';

import amqp from 'amqplib';
import { expect } from 'chai';

import { type DevBroker, startBroker } from '../../dist/index.js';
import { method, opening } from '../support/session.js';

const rounds = 2_500;
const atOnce = 50;
const consumer = [
  method(1, 'channel.open'),
  method(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }),
  method(1, 'queue.declare', { queue: '', exclusive: true }),
];
const shapes: readonly (readonly Buffer[])[] = [
  [Buffer.from('AMQP')],
  opening.slice(0, 1),
  opening,
  [...opening, ...consumer],
];

/** Connects, says all of it, and is gone; with an answer, if there is one to come. */
async function drop(broker: DevBroker, bytes: Buffer, isAnswered: boolean): Promise<void> {
  const socket = connect(broker.port, '127.0.0.1');
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  if (isAnswered) await once(socket, 'data');
  socket.destroy();
}

describe('a broker whose clients come and go', () => {
  it('has nothing left of ten thousand connections that were dropped, and every message', async function () {
    this.timeout(60_000);
    const broker = await startBroker();
    const connection = await amqp.connect(broker.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('q');
    for (const body of ['1', '2', '3']) channel.sendToQueue('q', Buffer.from(body));
    await channel.waitForConfirms();

    for (let round = 0; round < rounds; round += atOnce) {
      const drops = shapes.flatMap((frames, index) =>
        Array.from({ length: atOnce }, () => drop(broker, Buffer.concat(frames), index > 0)),
      );
      await Promise.all(drops);
    }
    // The last of them are noticed in this process, a turn of its loop or two later.
    while (broker.connections.length > 1) await new Promise(setImmediate);

    expect(broker.consumers()).to.deep.equal([]);
    expect(broker.queues().map(({ name }) => name)).to.deep.equal(['q']);
    expect(broker.queues()[0]).to.include({ messagesReady: 3, messagesUnacknowledged: 0 });
    const first = await channel.get('q', { noAck: true });
    expect(first && first.content.toString()).to.equal('1');
    await connection.close();
    await broker.stop();
  });
});
