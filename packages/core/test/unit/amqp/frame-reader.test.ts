/** Content headers: all properties, damage, and the reader put in front of a connection's own. No socket. */
import { expect } from 'chai';
import fc from 'fast-check';

import { installFrameReader, readProperties } from '../../../dist/amqp/frame-reader.js';

const text = (value: string): Buffer => Buffer.from(`${String.fromCharCode(value.length)}${value}`);
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const goodTable = bytes('00000004016b7401');
const oddTable = bytes('00000004016b5a01'); // tag Z
const longTable = bytes('0000000b016b4c0000000100000000'); // tag L, 2^32

/** The property list with every flag set. */
function allProperties(table: Buffer): Buffer {
  return Buffer.concat([
    bytes('fffc'),
    text('json'),
    text('utf-8'),
    table,
    bytes('0205'),
    ...['corr', 'reply', '60000', 'mid'].map(text),
    bytes('000000000000007b'),
    ...['type', 'user', 'app', 'cluster'].map(text),
  ]);
}

const rest = {
  contentType: 'json',
  contentEncoding: 'utf-8',
  deliveryMode: 2,
  priority: 5,
  correlationId: 'corr',
  replyTo: 'reply',
  expiration: '60000',
  messageId: 'mid',
  timestamp: 123,
  type: 'type',
  userId: 'user',
  appId: 'app',
  clusterId: 'cluster',
};

function headerFrame(list: Buffer): Buffer {
  const payload = Buffer.concat([bytes('003c0000'), bytes('0000000000000003'), list]);
  const head = bytes('02000100000000');
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, bytes('ce')]);
}

describe('readProperties', () => {
  it('reads every property', () => {
    const { headers, headerError, ...others } = readProperties(allProperties(goodTable), 0);
    expect({ ...headers }).to.deep.equal({ k: true });
    expect(others).to.deep.equal({ ...rest, rawHeaders: undefined });
    expect(headerError).to.equal(undefined);
  });

  it('keeps the bytes of a table it cannot read, and the properties after it', () => {
    const read = readProperties(allProperties(oddTable), 0);
    expect(read).to.include(rest);
    expect(read.headerError).to.include('0x5a');
    expect(read.rawHeaders).to.deep.equal(oddTable);
  });

  it('says that a list ended too early, and keeps what came before', () => {
    const read = readProperties(allProperties(goodTable).subarray(0, 20), 0);
    expect(read.contentType).to.equal('json');
    expect(read.headerError).to.be.a('string');
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (random) => {
        expect(() => readProperties(Buffer.from(random), 0)).not.to.throw();
      }),
    );
  });
});

describe('installFrameReader', () => {
  it('reads a header with tag L itself, and leaves the following frame to the connection', () => {
    const follows = bytes('0300010000000161ce');
    const source = {
      rest: Buffer.concat([headerFrame(allProperties(longTable)), follows]),
      recvFrame: (): unknown => 'its own',
    };
    installFrameReader(source);
    const frame = source.recvFrame() as { id: number; channel: number; size: number; fields: object };
    expect(frame).to.include({ id: 60, channel: 1, size: 3 });
    expect(frame.fields).to.have.nested.property('headers.k', 4_294_967_296);
    expect(source.rest).to.deep.equal(follows);
    expect(source.recvFrame()).to.equal('its own');
  });

  it('leaves an incomplete header frame to the connection until its last byte is there', () => {
    const whole = headerFrame(allProperties(goodTable));
    for (let length = 0; length < whole.length; length++) {
      const source = { rest: whole.subarray(0, length), recvFrame: (): unknown => false };
      installFrameReader(source);
      expect(source.recvFrame()).to.equal(false);
    }
  });

  for (const [what, foreign] of [
    ['without recvFrame', { rest: Buffer.alloc(0) }],
    ['without rest', { recvFrame: () => false }],
  ] as const) {
    it(`refuses a connection ${what}`, () => {
      expect(() => installFrameReader(foreign))
        .to.throw()
        .with.property('code', 'ERR_AMQPLIB_INCOMPATIBLE');
    });
  }
});
