import { expect } from 'chai';

import { methodCodec } from './codec.js';
import { RawClient, type Received } from './raw-client.js';
import { onEveryBroker } from './subjects.js';

onEveryBroker('frames', (opened) => {
  const clients: RawClient[] = [];
  async function open(options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
    const raw = await RawClient.open(opened().subject.url, options);
    clients.push(raw);
    return raw;
  }

  afterEach(() => {
    for (const raw of clients.splice(0)) raw.close();
  });

  const said = ({ name, fields }: Received): unknown[] => [name, fields.replyCode, fields.replyText];

  for (const frameMax of [4096, 8192]) {
    it(`carry a large body in pieces of what was agreed (${frameMax})`, async () => {
      const raw = await open({ frameMax });
      const size = frameMax * 3;
      const body = 'abcdefghij'.repeat(size).slice(0, size);
      await raw.call('queue.declare', { queue: 'q' });
      raw.publish({ routingKey: 'q' }, body);
      raw.send('basic.get', { queue: 'q', noAck: true });
      const message = await raw.receive('basic.get-ok');

      expect(message.body?.toString() === body).to.equal(true);
      expect(message.frames).to.deep.equal([frameMax - 8, frameMax - 8, frameMax - 8, 24]);
    });
  }

  it('carry an empty body in none', async () => {
    const raw = await open();
    await raw.call('queue.declare', { queue: 'q' });
    raw.publish({ routingKey: 'q' }, '');
    raw.send('basic.get', { queue: 'q', noAck: true });

    expect((await raw.receive('basic.get-ok')).frames).to.deep.equal([]);
  });

  it('of heartbeats come when nothing else does', async () => {
    const raw = await open({ heartbeat: 1 });
    await raw.receive('heartbeat');
    raw.frame(8, 0, '');

    await raw.receive('heartbeat');
  });

  it('from a peer that has fallen silent are not waited for much longer than twice the agreed time', async () => {
    const raw = await open({ heartbeat: 1 });
    await raw.receive('closed');
  });

  const wrong: Readonly<Record<string, readonly [(raw: RawClient) => void, number, string]>> = {
    'a method on a channel that is not open': [
      (raw) => raw.send('queue.declare', { queue: 'q' }, 7),
      504,
      "CHANNEL_ERROR - expected 'channel.open'",
    ],
    'a channel opened twice': [
      (raw) => raw.send('channel.open', {}),
      504,
      "CHANNEL_ERROR - second 'channel.open' seen",
    ],
    'a method where content should be': [
      (raw) => {
        raw.send('basic.publish', { routingKey: 'q' });
        raw.send('queue.declare', { queue: 'q' });
      },
      505,
      'UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
    ],
    'a body where a header should be': [
      (raw) => {
        raw.send('basic.publish', { routingKey: 'q' });
        raw.frame(3, 1, 'body');
      },
      505,
      'UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead',
    ],
    'a method where the body should be': [
      (raw) => {
        raw.send('basic.publish', { routingKey: 'q' });
        raw.header(5);
        raw.send('queue.declare', { queue: 'q' });
      },
      505,
      'UNEXPECTED_FRAME - expected content body, got non content body frame instead',
    ],
    'a header without a method': [
      (raw) => raw.header(5),
      505,
      'UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    ],
    'a prefetch in bytes': [
      (raw) => raw.send('basic.qos', { prefetchSize: 10 }),
      540,
      'NOT_IMPLEMENTED - prefetch_size!=0 (10)',
    ],
    'a flow that stops': [
      (raw) => raw.send('channel.flow', { active: false }),
      540,
      'NOT_IMPLEMENTED - active=false',
    ],
    'a name that is no UTF-8': [
      (raw) => {
        const asked = {
          ticket: 0,
          queue: '???',
          passive: false,
          durable: false,
          exclusive: true,
          autoDelete: false,
        };
        const payload = methodCodec.encodeMethod('queue.declare', { ...asked, noWait: false, arguments: {} });
        raw.frame(1, 1, payload.replace('???', '\xff\xfe\xfd'));
      },
      501,
      'FRAME_ERROR - Malformed UTF-8 in shortstr',
    ],
    'a recovery without requeueing': [
      (raw) => raw.send('basic.recover', { requeue: false }),
      540,
      'NOT_IMPLEMENTED - requeue=false',
    ],
  };
  for (const [what, [how, code, text]] of Object.entries(wrong)) {
    it(`end the connection for ${what}`, async () => {
      const raw = await open();
      how(raw);

      expect(said(await raw.receive('connection.close'))).to.deep.equal(['connection.close', code, text]);
    });
  }

  it('of a channel that was closed for a mistake are void until the client has said so', async () => {
    const raw = await open();
    raw.send('queue.declare', { queue: 'none', passive: true });
    raw.send('queue.declare', { queue: 'void' });
    raw.publish({ routingKey: 'void' });
    expect((await raw.receive('channel.close')).fields).to.deep.include({ classId: 50, methodId: 10 });
    raw.send('channel.close-ok', {});
    await raw.call('channel.open', {});

    expect((await raw.call('queue.declare', { queue: 'void', passive: true })).fields.replyCode).to.equal(
      404,
    );
  });
});
