import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { writeTable } from '@celeriac/core';
import amqp, { type Channel, type ChannelModel } from 'amqplib';
import { expect } from 'chai';

import { frameText, frameType } from '../../dist/codec/frames.js';
import { type DevBroker, startBroker } from '../../dist/index.js';
import { method, opening } from '../support/session.js';

const long = 'é'.repeat(127); // 254 bytes
const placeholder = 'k'.repeat(255);

/** The frame with bytes that are no UTF-8 where the placeholder was. */
function spoiled(frame: Buffer): Buffer {
  const at = frame.indexOf(placeholder);
  expect(at).to.be.greaterThan(0);
  return Buffer.from(frame).fill(0xff, at, at + placeholder.length);
}

/** The header of an empty message. */
function header(headers: Readonly<Record<string, unknown>>): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt16BE(60, 0);
  head.writeUInt16BE(0x2000, 12);
  const text = head.toString('latin1') + writeTable(headers);
  return Buffer.from(frameText(frameType.header, 1, text), 'latin1');
}

describe('a name', () => {
  let broker: DevBroker;
  let connection: ChannelModel;
  let channel: Channel;
  let others: Socket[];

  beforeEach(async () => {
    others = [];
    broker = await startBroker();
    connection = await amqp.connect(broker.url);
    channel = await connection.createChannel();
  });
  afterEach(async () => {
    for (const other of others) other.destroy();
    await connection.close();
    await broker.stop();
  });

  /** What another client is told last. */
  async function told(...frames: Buffer[]): Promise<string> {
    const socket = connect(broker.port, '127.0.0.1');
    others.push(socket);
    const received: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes);
      if (bytes.includes('ERROR')) socket.end();
    });
    socket.write(Buffer.concat([...opening, method(1, 'channel.open'), ...frames]));
    await once(socket, 'close');
    return Buffer.concat(received).toString('latin1');
  }

  it('that leaves no room for the words of a refusal costs the channel only, as any other', async () => {
    channel.on('error', () => undefined);

    const refusal = await channel.checkQueue(long).catch((error: unknown) => error);

    expect(refusal).to.include({ code: 404 });
    expect((refusal as Error).message)
      .to.include(`no queue '${'é'.repeat(100)}`)
      .and.not.include('\uFFFD');
    await connection.createChannel();
  });

  it('that is no text costs who sends it the connection, and nobody else notices', async () => {
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'amq.fanout', '');
    await channel.consume('q', () => undefined);

    const publish = method(1, 'basic.publish', { exchange: 'amq.fanout', routingKey: placeholder });
    expect(await told(spoiled(publish), header({}))).to.include('FRAME_ERROR - Malformed UTF-8 in shortstr');

    expect(broker.queues()[0]).to.include({ messages: 0, consumers: 1 });
  });

  it('of a header that could not be written again is refused before the message has died of it', async () => {
    await channel.assertQueue('dead');
    await channel.assertQueue('q', {
      messageTtl: 0,
      deadLetterExchange: '',
      deadLetterRoutingKey: 'dead',
    });

    const publish = method(1, 'basic.publish', { routingKey: 'q' });
    const nested = header({ list: [{ [placeholder]: 1 }] });
    const noMoment = header({ at: { '?': 'timestamp', value: 0.5 } });
    noMoment[noMoment.indexOf('?')] = '!'.charCodeAt(0); // as we name the types that JavaScript has not
    expect(await told(publish, noMoment)).to.include('SYNTAX_ERROR - headers');
    expect(await told(publish, spoiled(nested))).to.include('SYNTAX_ERROR - headers');

    expect(broker.queues().map(({ messages }) => messages)).to.deep.equal([0, 0]);
  });
});
