import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

import { expect } from 'chai';

import { profiles } from '../../dist/engine/profile.js';
import { Vhost } from '../../dist/engine/vhost.js';
import { noFaults } from '../../dist/faults/target.js';
import { Connection } from '../../dist/server/connection.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';
import { method, opening } from '../support/session.js';

/** A server of one connection, whose time a test owns. */
async function serve(): Promise<{
  server: Server;
  clock: ManualClock;
  started: Promise<void>;
  closed: Promise<void>;
}> {
  const clock = new ManualClock();
  const profile = profiles['3.10'];
  const server = createServer();
  const connected = once(server, 'connection') as Promise<[Socket]>;
  let ended: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (ended = resolve));
  const started = connected.then(([socket]) => {
    new Connection({
      socket,
      clock,
      vhosts: new Map([['/', new Vhost('/', { clock, profile })]]),
      users: new Map([['guest', 'guest']]),
      version: profile.version,
      smallestFrame: profile.smallestFrame,
      heartbeat: 60,
      faults: noFaults,
      keep: () => undefined,
      closed: ended,
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, clock, started, closed };
}

const consuming = [
  method(1, 'channel.open'),
  method(1, 'queue.declare', { queue: 'q' }),
  method(1, 'basic.consume', { queue: 'q', consumerTag: 'c' }),
];
const shapes: Readonly<Record<string, readonly Buffer[]>> = {
  'half a protocol header': [Buffer.from('AMQP')],
  'another protocol': [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  start: opening.slice(0, 1),
  tune: opening.slice(0, 2),
  'open, with heartbeats': [
    ...opening.slice(0, 2),
    method(0, 'connection.tune-ok', { channelMax: 9, frameMax: 8192, heartbeat: 10 }),
    ...opening.slice(3),
  ],
  'a consumer': [...opening, ...consuming],
  'a mistake that costs the connection': [...opening, method(7, 'basic.ack')],
  'a broken frame': [...opening, Buffer.from('0100010000000400140000aa', 'hex')],
  'its own close': [...opening, method(0, 'connection.close', { replyCode: 200 })],
};

describe('a connection', () => {
  let server: Server;
  let clock: ManualClock;
  let started: Promise<void>;
  let closed: Promise<void>;
  let client: Socket;

  beforeEach(async () => {
    ({ server, clock, started, closed } = await serve());
    const { port } = server.address() as AddressInfo;
    client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }); // hangs up when a test says so
    client.on('error', () => undefined);
    await Promise.all([once(client, 'connect'), started]);
  });

  afterEach(async () => {
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  for (const [what, bytes] of Object.entries(shapes)) {
    it(`leaves no timer behind when it is dropped after ${what}`, async () => {
      client.resume();
      client.write(Buffer.concat(bytes));
      if (bytes !== shapes['half a protocol header']) await once(client, 'data');
      client.destroy();
      await closed;

      expect(clock.timers).to.equal(0);
    });
  }

  for (const what of ['half a protocol header', 'start', 'tune']) {
    it(`that gets no further than ${what} is closed after ten seconds, and not before`, async () => {
      client.resume();
      client.write(Buffer.concat(shapes[what] ?? []));
      if (what !== 'half a protocol header') await once(client, 'data');
      let isClosed = false;
      void closed.then(() => (isClosed = true));
      await clock.advance(9_999);
      await new Promise(setImmediate);
      expect(isClosed).to.equal(false);
      await clock.advance(1);

      await closed;
    });
  }

  it('that is open has all the time it wants', async () => {
    client.resume();
    client.write(Buffer.concat([...opening, ...consuming]));
    await once(client, 'data');
    const answered = once(client, 'data');
    client.write(method(1, 'basic.qos'));
    await answered;

    expect(clock.timers).to.equal(0);
  });

  for (const what of [
    'a mistake that costs the connection',
    'a broken frame',
    'its own close',
    'another protocol',
  ]) {
    it(`is closed in the end, though the client does not hang up after ${what}`, async () => {
      client.resume();
      client.write(Buffer.concat(shapes[what] ?? []));
      await once(client, 'data');
      await clock.advance(5_000);

      await closed;
    });
  }
});
