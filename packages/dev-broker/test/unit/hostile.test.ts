import { once } from 'node:events';
import { connect } from 'node:net';

import amqp from 'amqplib';
import { expect } from 'chai';
import fc from 'fast-check';

import { frameText } from '../../dist/codec/frames.js';
import { encodeMethod } from '../../dist/codec/method-codec.js';
import { type DevBroker, startBroker } from '../../dist/index.js';
import { message, method, opening } from '../support/session.js';

const hello = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** A session that does a little of everything. */
const session: readonly Buffer[] = [
  ...opening,
  method(1, 'channel.open'),
  method(1, 'exchange.declare', { exchange: 'x', type: 'headers' }),
  method(1, 'queue.declare', { queue: 'theirs', arguments: { 'x-max-priority': 3, 'x-message-ttl': 50 } }),
  method(1, 'queue.bind', { queue: 'theirs', exchange: 'x', arguments: { 'x-match': 'any', n: 1 } }),
  method(1, 'confirm.select'),
  method(1, 'basic.qos', { prefetchCount: 2 }),
  method(1, 'basic.consume', { queue: 'theirs', consumerTag: 'c' }),
  ...message(1, 'theirs', Buffer.from('first')),
  ...message(1, 'theirs', Buffer.alloc(9_000)),
  ...message(1, 'nowhere', Buffer.alloc(0)),
  method(1, 'basic.nack', { deliveryTag: 1, requeue: true }),
  method(2, 'channel.open'),
  method(2, 'tx.select'),
  ...message(2, 'theirs', Buffer.from('second')),
  method(2, 'basic.get', { queue: 'theirs' }),
  method(2, 'basic.ack', { deliveryTag: 1 }),
  method(2, 'tx.rollback'),
  method(1, 'basic.cancel', { consumerTag: 'c' }),
  method(2, 'channel.close'),
  method(1, 'queue.delete', { queue: 'theirs' }),
  method(0, 'connection.close', { replyCode: 200 }),
];

/** What may befall a frame; numbers beyond the end begin anew. */
interface Spoiling {
  readonly how: 'flip' | 'cut' | 'drop' | 'double' | 'move' | 'channel' | 'huge';
  readonly frame: number;
  readonly at: number;
  readonly value: number;
}

const spoiling: fc.Arbitrary<Spoiling> = fc.record({
  how: fc.constantFrom('flip', 'cut', 'drop', 'double', 'move', 'channel', 'huge'),
  frame: fc.nat(1000),
  at: fc.nat(1000),
  value: fc.integer({ min: 1, max: 255 }),
});

function spoil(frames: readonly Buffer[], { how, frame: number, at, value }: Spoiling): readonly Buffer[] {
  const index = number % frames.length;
  const frame = Buffer.from(frames[index] ?? '');
  const offset = at % Math.max(1, frame.length);
  const others = frames.toSpliced(index, 1);
  const replaced = (...by: Buffer[]): Buffer[] => frames.toSpliced(index, 1, ...by);
  switch (how) {
    case 'flip':
      frame[offset] = (frame[offset] ?? 0) ^ value;
      return replaced(frame);
    case 'cut':
      return replaced(frame.subarray(0, offset), frame.subarray(offset + value));
    case 'drop':
      return others;
    case 'double':
      return replaced(frame, frame);
    case 'move':
      return others.toSpliced(at % frames.length, 0, frame);
    case 'channel':
      if (frame.length > 2) frame.writeUInt16BE(value * 257, 1);
      return replaced(frame);
    case 'huge':
      // Somewhere among lengths: of the frame, of a table, of a string.
      if (frame.length > offset + 4) frame.writeUInt32BE(0xffff_fff0, offset);
      return replaced(frame);
  }
}

/** A table in a table, and so on, as its bytes. */
function nested(depth: number): string {
  let table = '\0\0\0\0';
  for (let level = 0; level < depth; level++) {
    const field = `\x01tF${table}`;
    const length = Buffer.alloc(4);
    length.writeUInt32BE(field.length);
    table = length.toString('latin1') + field;
  }
  return table;
}

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

  it('outlives sessions with spoiled frames, and goes on serving a client that it has', async () => {
    const connection = await amqp.connect(broker.url);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('mine');
    await fc.assert(
      fc.asyncProperty(fc.array(spoiling, { minLength: 1, maxLength: 4 }), async (spoilings) => {
        await throwAt(broker, Buffer.concat(spoilings.reduce(spoil, session)));
        channel.sendToQueue('mine', Buffer.from('x'));
        await channel.waitForConfirms();
        const { messageCount } = await channel.purgeQueue('mine');
        expect(messageCount).to.equal(1);
      }),
      { numRuns: 400 },
    );
    while (broker.connections.length > 1) await new Promise(setImmediate); // a leak never ends
    await connection.close();

    await stillWorks(broker);
  });

  it('refuses tables that are nested without end, and goes on', async () => {
    for (const depth of [32, 33, 10_000]) {
      const table = nested(depth);
      const head = `\0\x3c\0\0\0\0\0\0\0\0\0\0\x20\0${table}`;
      await throwAt(
        broker,
        Buffer.concat([
          ...opening,
          method(1, 'channel.open'),
          method(1, 'basic.publish', { routingKey: 'q' }),
          Buffer.from(frameText(2, 1, head), 'latin1'),
        ]),
      );
    }

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
