/** A confirm channel of a real amqplib connection, against a broker the test plays: numbers, confirms, back-pressure. */
import { expect } from 'chai';

import { messageFrames, writeProperties } from '../../../dist/amqp/message-frames.js';
import { PublishChannel } from '../../../dist/amqp/publish-channel.js';
import { outgoing } from './outgoing.js';
import { ScriptedBroker } from './scripted-broker.js';
import { ScriptedSession, until } from './scripted-session.js';

describe('PublishChannel', () => {
  let broker: ScriptedBroker;
  let session: ScriptedSession;
  let confirmed: string[];
  let drained: number;
  let channel: PublishChannel<string>;
  let close: () => Promise<void>;

  beforeEach(async () => {
    broker = new ScriptedBroker();
    session = new ScriptedSession();
    const connection = await session.connect(await broker.listen());
    const opened = await connection.createConfirmChannel();
    close = () => opened.close();
    confirmed = [];
    drained = 0;
    channel = new PublishChannel<string>(opened, {
      confirmed: (id, nacked) => void confirmed.push(nacked ? `not ${id}` : id),
      drained: () => {
        drained++;
      },
    });
  });
  afterEach(async () => {
    await broker.stop();
    await session.close();
  });

  function write(...ids: string[]): void {
    for (const id of ids) {
      const message = outgoing(id);
      channel.write(messageFrames(message, writeProperties(message.properties), channel.wire), id);
    }
  }
  async function arrived(count: number): Promise<void> {
    await until(() => broker.published.length === count);
  }

  it('writes whole messages in order, which amqplib itself can read', async () => {
    const message = outgoing('m1', {
      exchange: 'x',
      routingKey: 'k',
      body: Buffer.alloc(10_000, 'b'), // several frames of 4096
      properties: { messageId: 'm1', contentType: 'application/json', priority: 3, headers: { a: [1, 'é'] } },
    });
    channel.write(messageFrames(message, writeProperties(message.properties), channel.wire), 'm1');
    write('m2');
    await arrived(2);

    const [first] = broker.published;
    expect(first).to.include({ exchange: 'x', routingKey: 'k', mandatory: true });
    expect(first?.body.equals(message.body)).to.equal(true);
    expect(first?.properties).to.deep.include({
      contentType: 'application/json',
      priority: 3,
      deliveryMode: 2,
      headers: { a: [1, 'é'] },
    });
    expect(broker.ids).to.deep.equal(['m1', 'm2']);
  });

  it('settles single confirms in whatever order they come', async () => {
    write('a', 'b', 'c');
    await arrived(3);
    for (const tag of [3, 1, 2]) broker.ack(tag);
    await until(() => confirmed.length === 3);

    expect(confirmed).to.deep.equal(['c', 'a', 'b']);
  });

  it('settles everything up to the tag of a multiple confirm, and nothing beyond or twice', async () => {
    write('a', 'b', 'c', 'd');
    await arrived(4);
    broker.ack(2);
    broker.ack(3, true);
    broker.ack(3, true);
    broker.nack(4, true);
    await until(() => confirmed.includes('not d'));

    expect(confirmed).to.deep.equal(['b', 'a', 'c', 'not d']);
  });

  it('tells refusals from confirms', async () => {
    write('a', 'b');
    await arrived(2);
    broker.nack(1);
    broker.ack(2);
    await until(() => confirmed.length === 2);

    expect(confirmed).to.deep.equal(['not a', 'b']);
  });

  it('ignores a confirm for something that was never written', async () => {
    write('a');
    await arrived(1);
    broker.ack(9);
    broker.ack(1);
    await until(() => confirmed.length > 0);

    expect(confirmed).to.deep.equal(['a']);
  });

  it('does not flow while the peer does not read, and flows again after it has', async () => {
    broker.socket.pause();
    const body = Buffer.alloc(1024 * 1024);
    const message = outgoing('m', { body });
    const frames = messageFrames(message, writeProperties(message.properties), channel.wire);
    for (let count = 0; count < 32; count++) channel.write(frames, 'm'); // more than the kernel keeps
    await until(() => !channel.flowing);
    expect(drained).to.equal(0);

    broker.socket.resume();
    await until(() => drained > 0);
    expect(channel.flowing).to.equal(true);
  });

  it('writes nothing once the channel has closed', async () => {
    await close();
    write('a');
    await new Promise((resolve) => void setImmediate(resolve));
    await session.connection?.createChannel(); // an answer that comes after anything written before

    expect(broker.ids).to.deep.equal([]);
    expect(channel.flowing).to.equal(false);
  });

  it('refuses a channel without the inside it was written for', () => {
    const foreign = { on() {}, once() {} };

    expect(() => new PublishChannel(foreign as never, {} as never))
      .to.throw()
      .with.property('code', 'ERR_AMQPLIB_INCOMPATIBLE');
  });
});
