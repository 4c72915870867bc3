/** Faults of the dial that meet each other, or the end of a connection. */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';

import { RawClient } from '../conformance/raw-client.js';
import { waitFor } from '../support/wait-for.js';

describe('faults that meet', () => {
  let broker: DevBroker;
  const clients: RawClient[] = [];

  async function open(options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
    const raw = await RawClient.open(broker.url, options);
    clients.push(raw);
    return raw;
  }

  beforeEach(async () => {
    broker = await startBroker();
  });

  afterEach(async () => {
    for (const raw of clients.splice(0)) raw.close();
    await broker.stop();
  });

  it('sends all of what it has cut into pieces before a connection ends', async () => {
    const [one, other, third] = [await open(), await open(), await open()];
    await third.call('queue.declare', { queue: 'q' });
    third.publish({ routingKey: 'q' }, 'whole');
    broker.faults.split(1);
    one.send('connection.close', { replyCode: 200 }, 0);
    other.socket.write('this is no frame');
    broker.faults.drop({ at: { frame: 'body', direction: 'sent' } });
    third.send('basic.get', { queue: 'q' });

    await one.receive('connection.close-ok');
    expect((await other.receive('connection.close')).fields.replyCode).to.equal(501);
    expect((await third.receive('basic.get-ok')).body?.toString()).to.equal('whole');
    for (const raw of [one, other, third]) await raw.receive('closed');
  });

  it('hangs up on one that was given up meanwhile, once what has waited has arrived', async () => {
    const raw = await open({ heartbeat: 1 });
    await raw.call('queue.declare', { queue: 'q' });
    raw.publish({ routingKey: 'q' });
    await raw.call('basic.consume', { queue: 'q' });
    await raw.receive('basic.deliver');
    broker.faults.stall();
    broker.faults.cancelConsumers();
    const other = await open();
    await other.call('basic.consume', { queue: 'q' });
    await other.receive('basic.deliver');

    broker.faults.resume();
    await raw.receive('basic.cancel');
    await raw.receive('closed');
  });

  it('takes from a client that does not read what it held, a while after it was dropped', async () => {
    const [raw, other] = [await open({ name: 'reads nothing' }), await open()];
    await other.call('queue.declare', { queue: 'q' });
    for (let number = 0; number < 400; number++) other.publish({ routingKey: 'q' }, 'x'.repeat(100_000));
    await other.call('queue.declare', { queue: 'q' });
    raw.socket.pause();
    raw.send('basic.consume', { queue: 'q' });
    await waitFor(() => (broker.queues()[0]?.messagesUnacknowledged ?? 0) > 0, { within: 5_000 });

    broker.faults.drop({ connection: 'reads nothing' });
    await waitFor(() => broker.queues()[0]?.messagesReady === 400, { within: 10_000 });
  });

  it('say as much of a reason as there is room for', async () => {
    const raw = await open({ capabilities: { 'connection.blocked': true } });
    broker.faults.block('é'.repeat(200));
    raw.publish({ routingKey: 'q' });

    expect((await raw.receive('connection.blocked')).fields.reason).to.equal('é'.repeat(127));
  });

  it('that are to strike no time do not', async () => {
    const raw = await open();
    const faults = [broker.faults.refuse({ times: 0 }), broker.faults.drop({ at: {}, times: 0 })];
    await open();
    await raw.call('queue.declare', { queue: 'q' });

    expect(faults.map(({ struck }) => struck)).to.deep.equal([0, 0]);
  });

  it('finds connections by a pattern, whatever its flags', async () => {
    for (const name of ['a worker', 'a worker', 'a publisher']) await open({ name });

    expect(broker.faults.stall({ connection: /worker/g }).struck).to.equal(2);
    expect(broker.faults.stall({ connection: /a worker/y }).struck).to.equal(2);
  });
});
