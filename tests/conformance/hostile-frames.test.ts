import { expect } from 'chai';

import { RawClient, type RawOptions, type Received } from './raw-client.js';
import { onEveryBroker } from './subjects.js';

onEveryBroker('a client that breaks the rules of frames', (opened) => {
  const clients: RawClient[] = [];
  async function open(options: RawOptions = {}): Promise<RawClient> {
    const raw = await RawClient.open(opened().subject.url, options);
    clients.push(raw);
    return raw;
  }

  afterEach(() => {
    for (const raw of clients.splice(0)) raw.close();
  });

  const reply = ({ fields }: Received): unknown[] => [fields.replyCode, fields.replyText];
  const header = (...octets: number[]): string => String.fromCharCode(0, 60, ...octets);

  const wrong: Readonly<Record<string, readonly [(raw: RawClient) => void, number, string]>> = {
    'a frame larger than was agreed': [
      (raw) => raw.frame(3, 1, 'a'.repeat(4097)),
      501,
      'FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4097,4088}',
    ],
    'a frame that does not end with its end octet': [
      (raw) => raw.socket.write(Buffer.from('010001000000040014000aaa', 'hex')),
      501,
      'FRAME_ERROR - type 1, all octets = <<0,20,0,10>>: {invalid_frame_end_marker,170}',
    ],
    'a frame of an unknown type': [
      (raw) => raw.frame(9, 1, 'seventeen octets!'),
      501,
      'FRAME_ERROR - type 9, first 16 octets = <<"seventeen octets">>: unknown_frame',
    ],
    'a method without its number': [
      (raw) => raw.frame(1, 1, '\0'),
      501,
      'FRAME_ERROR - type 1, all octets = <<0>>: unknown_frame',
    ],
    'a header that is too short': [
      (raw) => raw.frame(2, 1, 'abc'),
      501,
      'FRAME_ERROR - type 2, all octets = <<"abc">>: unknown_frame',
    ],
    'a body on channel 0': [
      (raw) => raw.frame(3, 0, 'abc'),
      505,
      'UNEXPECTED_FRAME - type 3, all octets = <<"abc">>',
    ],
    'a heartbeat on a channel': [
      (raw) => raw.frame(8, 1, ''),
      505,
      'UNEXPECTED_FRAME - type 8, all octets = <<>>',
    ],
    'a heartbeat that carries something': [
      (raw) => raw.frame(8, 0, 'abc'),
      501,
      'FRAME_ERROR - type 8, all octets = <<"abc">>: unknown_frame',
    ],
    'a channel method on channel 0': [
      (raw) => raw.send('channel.open', {}, 0),
      504,
      'CHANNEL_ERROR - unexpected method in connection state running',
    ],
    'tuning a second time': [
      (raw) => raw.send('connection.tune-ok', { channelMax: 10, frameMax: 4096 }, 0),
      504,
      'CHANNEL_ERROR - unexpected method in connection state running',
    ],
    'more channels than were agreed, whatever their numbers': [
      (raw) => {
        raw.send('channel.open', {}, 60_000);
        raw.send('channel.open', {}, 3);
        raw.send('channel.open', {}, 4);
      },
      530,
      'NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)',
    ],
  };
  for (const [what, [how, code, text]] of Object.entries(wrong)) {
    it(`is refused for ${what}`, async () => {
      const raw = await open({ frameMax: 4096, channelMax: 3 });
      how(raw);

      expect(reply(await raw.receive('connection.close'))).to.deep.equal([code, text]);
    });
  }

  const unreadable: Readonly<Record<string, string>> = {
    'no flags': header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    'a table that ends too early': header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 4) + '\x03abc',
    'a table of four gibibytes': header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 255, 255, 255, 255) + 'abc',
    'a value of an unknown type': header(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 3) + '\x01aQ',
  };
  for (const [what, bytes] of Object.entries(unreadable)) {
    it(`is refused for properties with ${what}`, async () => {
      const raw = await open();
      await raw.call('queue.declare', { queue: 'q' });
      raw.send('basic.publish', { routingKey: 'q' });
      raw.frame(2, 1, bytes);

      expect((await raw.receive('connection.close')).fields.replyCode).to.equal(541);
      expect((await opened().channel.checkQueue('q')).messageCount).to.equal(0);
    });
  }

  it('may forget the eight bytes of a frame itself when it counts', async () => {
    const raw = await open({ frameMax: 4096 });
    await raw.call('queue.declare', { queue: 'q' });
    await raw.call('confirm.select', {});
    raw.send('basic.publish', { routingKey: 'q' });
    raw.header(4096);
    raw.frame(3, 1, 'a'.repeat(4096));

    expect((await raw.receive('basic.ack')).fields).to.include({ deliveryTag: 1 });
  });

  it('opens all the channels that were agreed', async () => {
    const raw = await open({ channelMax: 2047 });
    for (let number = 2; number <= 2047; number++) raw.send('channel.open', {}, number);
    for (let number = 2; number <= 2047; number++) await raw.receive('channel.open-ok');
    raw.send('channel.open', {}, 2048);

    expect(reply(await raw.receive('connection.close'))).to.deep.equal([
      530,
      'NOT_ALLOWED - number of channels opened (2047) has reached the negotiated channel_max (2047)',
    ]);
  });

  it('is not let in when it asks for less or more than it may', async () => {
    const wishes = [
      { channelMax: 0 },
      { channelMax: 2048 },
      { frameMax: 0 },
      { frameMax: 131_073 },
      { frameMax: 4095 },
    ];
    // The embedded broker says why, and RabbitMQ hangs up after three seconds without a word.
    const outcomes = await Promise.allSettled(wishes.map((wish) => open(wish)));

    expect(outcomes.map(({ status }) => status)).to.deep.equal(wishes.map(() => 'rejected'));
    await open({ channelMax: 1, frameMax: 4096 });
  });
});
