/** The frame reader inside a real amqplib connection: odd headers arrive, and the connection lives. */
import type { ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import type { ReceivedProperties } from '../../../dist/amqp/frame-reader.js';
import { ScriptedBroker } from './scripted-broker.js';
import { ScriptedSession, until } from './scripted-session.js';

/** A content header whose only property is the given table. */
function header(tableHex: string, bodyBytes: number): Buffer {
  const payload = Buffer.concat([Buffer.alloc(12), Buffer.from(`2000${tableHex}`, 'hex')]);
  payload.writeUInt16BE(60, 0);
  payload.writeUInt32BE(bodyBytes, 8);
  const frame = Buffer.alloc(payload.length + 8, 0xce);
  frame.writeUInt8(2, 0);
  frame.writeUInt16BE(1, 1);
  frame.writeUInt32BE(payload.length, 3);
  payload.copy(frame, 7);
  return frame;
}

const good = '00000004016b7401'; // k: true
const unknownType = '00000004016b5a01'; // tag Z
const unsigned = '0000000b016b4c0000000100000000'; // tag L, as py-amqp writes 2^32

describe('a connection with our frame reader', () => {
  let broker: ScriptedBroker;
  let session: ScriptedSession;
  let got: { body: string; properties: ReceivedProperties }[];
  beforeEach(async () => {
    got = [];
    broker = new ScriptedBroker();
    session = new ScriptedSession();
    const connection = await session.connect(await broker.listen());
    const channel = await connection.createChannel();
    const take = ({ content, properties }: ConsumeMessage): void =>
      void got.push({
        body: content.toString(),
        properties: properties as unknown as ReceivedProperties,
      });
    await channel.consume('q', (message) => message !== null && take(message));
  });
  afterEach(async () => {
    await broker.stop();
    await session.close();
  });

  it('delivers a message whose header amqplib cannot read, and the next one on the same connection', async () => {
    broker.deliver(1, header(unknownType, 3), Buffer.from('odd'));
    broker.deliver(2, header(good, 4), Buffer.from('next'));
    await until(() => got.length === 2);

    expect(got.map(({ body }) => body)).to.deep.equal(['odd', 'next']);
    expect(got[0]?.properties.headerError).to.include('unknown field type 0x5a');
    expect(got[0]?.properties.rawHeaders?.toString('hex')).to.equal(unknownType);
    expect({ ...got[1]?.properties.headers }).to.deep.equal({ k: true });
    expect(session.connection).not.to.equal(undefined);
  });

  it('reads the 64-bit integers of py-amqp', async () => {
    broker.deliver(1, header(unsigned, 0), Buffer.alloc(0));
    await until(() => got.length === 1);

    expect({ ...got[0]?.properties.headers }).to.deep.equal({ k: 2 ** 32 });
  });

  it('reads frames that come one byte at a time', async () => {
    const { socket } = broker;
    const write = socket.write.bind(socket);
    const pieces: number[] = [];
    socket.write = (bytes: Uint8Array | string) => {
      pieces.push(...Buffer.from(bytes));
      return true;
    };
    broker.deliver(1, header(unknownType, 3), Buffer.from('odd'));
    for (const byte of pieces) {
      write(Buffer.from([byte]));
      await new Promise((resolve) => void setImmediate(resolve));
    }
    await until(() => got.length === 1);

    expect(got[0]?.body).to.equal('odd');
    expect(got[0]?.properties.headerError).to.include('0x5a');
  });
});
