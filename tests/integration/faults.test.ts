/** The fault dial of the embedded broker, as a client meets it frame by frame. */
import { once } from 'node:events';
import { connect } from 'node:net';

import { type DevBroker, startBroker, type Step } from '@celeriac/dev-broker';
import { virtualClock } from '@celeriac/testing';
import { expect } from 'chai';

import { RawClient } from '../conformance/raw-client.js';

describe('the fault dial', () => {
  let broker: DevBroker;
  const clients: RawClient[] = [];
  const clock = virtualClock();

  async function open(options: Parameters<typeof RawClient.open>[1] = {}): Promise<RawClient> {
    const raw = await RawClient.open(broker.url, options);
    clients.push(raw);
    return raw;
  }

  beforeEach(async () => {
    broker = await startBroker({ clock });
  });

  afterEach(async () => {
    for (const raw of clients.splice(0)) raw.close();
    await broker.stop();
  });

  it('drops connections that are there, at once', async () => {
    const [one, other] = [await open({ name: 'web' }), await open({ name: 'worker' })];
    const fault = broker.faults.drop({ connection: 'web' });

    await one.receive('closed');
    await other.call('queue.declare', { queue: 'q' });
    expect(fault.struck).to.equal(1);
    expect(broker.faults.history).to.deep.equal(["drop 'web'"]);
  });

  it('drops one after the n-th frame: a received one has taken effect, and its answer is lost', async () => {
    const [raw, other] = [await open({ name: 'web' }), await open({ name: 'other' })];
    broker.faults.drop({
      connection: /^web$/u,
      at: { frame: 'queue.declare', nth: 2, direction: 'received' },
    });
    await raw.call('queue.declare', { queue: 'first' });
    raw.send('queue.declare', { queue: 'second' });

    expect((await raw.receive('closed', 'queue.declare-ok')).name).to.equal('closed');
    await other.call('queue.declare', { queue: 'second', passive: true });
  });

  it('drops one after a frame it has sent, which arrives', async () => {
    const raw = await open();
    await raw.call('queue.declare', { queue: 'q' });
    broker.faults.drop({ at: { frame: 'body', direction: 'sent' } });
    raw.publish({ routingKey: 'q' }, 'hello');
    raw.publish({ routingKey: 'q' }, 'lost');
    await raw.call('basic.consume', { queue: 'q' });

    expect((await raw.receive('basic.deliver')).body?.toString()).to.equal('hello');
    await raw.receive('closed');
    expect(broker.queues()[0]).to.include({ messagesReady: 2 });
  });

  it('counts the same steps for the same frames, however they arrive', async () => {
    const steps: string[][] = [];
    for (const bytes of [0, 1, 7]) {
      const raw = await open();
      const seen: string[] = [];
      const forget = broker.faults.onStep((step: Step) => seen.push(`${step.direction} ${step.frame}`));
      broker.faults.split(bytes);
      await raw.call('queue.declare', { queue: 'q' });
      await raw.call('confirm.select', {});
      raw.publish({ routingKey: 'q' });
      await raw.receive('basic.ack');
      raw.send('basic.get', { queue: 'q', noAck: true });
      await raw.receive('basic.get-ok');
      forget();
      steps.push(seen);
    }

    const [first, ...others] = steps;
    expect(first).to.have.length(12);
    for (const one of others) expect(one).to.deep.equal(first);
  });

  it('makes a connection silent, until what has waited may go on', async () => {
    const raw = await open({ heartbeat: 1 });
    await raw.call('queue.declare', { queue: 'q' });
    await raw.call('basic.consume', { queue: 'q' });
    broker.faults.stall();
    const other = await open();
    other.publish({ routingKey: 'q' }, 'late');
    await other.call('queue.declare', { queue: 'after' });
    raw.send('queue.declare', { queue: 'unheard' });
    expect(broker.queues().map(({ name }) => name)).to.deep.equal(['q', 'after']);

    broker.faults.resume();
    await raw.receive('basic.deliver');
    await raw.receive('queue.declare-ok');
  });

  it('lets a silent connection lose what it holds after two heartbeats, and tells it nothing', async () => {
    const raw = await open({ heartbeat: 1 });
    await raw.call('queue.declare', { queue: 'q' });
    raw.publish({ routingKey: 'q' });
    await raw.call('basic.consume', { queue: 'q' });
    await raw.receive('basic.deliver');
    broker.faults.stall();
    const other = await open();
    await other.call('basic.consume', { queue: 'q' });

    expect((await other.receive('basic.deliver')).fields.redelivered).to.equal(true);
    expect(raw.socket.readyState).to.equal('open');
  });

  it('closes a connection and a channel with a code of its own', async () => {
    const raw = await open();
    await raw.call('channel.open', {}, { channel: 2 });
    broker.faults.closeChannel({ replyCode: 404, replyText: 'gone', at: { frame: 'basic.qos' } });
    raw.send('basic.qos', { prefetchCount: 1 }, 2);
    const channel = await raw.receive('channel.close');
    expect([channel.channel, channel.fields.replyCode, channel.fields.replyText]).to.deep.equal([
      2,
      404,
      'NOT_FOUND - gone',
    ]);

    broker.faults.closeChannel({ at: { frame: 'basic.qos' } });
    raw.send('basic.qos', { prefetchCount: 1 });
    expect((await raw.receive('channel.close')).fields).to.include({
      replyCode: 541,
      replyText: 'INTERNAL_ERROR - injected fault',
    });

    broker.faults.closeConnection();
    expect((await raw.receive('connection.close')).fields).to.include({
      replyCode: 320,
      replyText: 'CONNECTION_FORCED - injected fault',
    });
  });

  it('withholds, delays and refuses confirms of messages that are stored', async () => {
    const raw = await open();
    await raw.call('queue.declare', { queue: 'q' });
    await raw.call('confirm.select', {});
    broker.faults.withholdConfirm({ nth: 2 });
    broker.faults.delayConfirm(60_000, { nth: 3 });
    broker.faults.nackConfirm({ nth: 4 });
    for (let message = 0; message < 5; message++) raw.publish({ routingKey: 'q' });
    const early = [];
    for (const name of ['basic.ack', 'basic.nack', 'basic.ack'] as const) {
      const { fields } = await raw.receive(name);
      early.push([name, fields.deliveryTag, fields.multiple]);
    }
    await clock.advance('1m');
    const { fields } = await raw.receive('basic.ack');

    expect(early).to.deep.equal([
      ['basic.ack', 1, false],
      ['basic.nack', 4, false],
      ['basic.ack', 5, false],
    ]);
    expect(fields).to.include({ deliveryTag: 3, multiple: false });
    expect(broker.queues()[0]?.messagesReady).to.equal(5);
  });

  it('forgets a delayed confirm when the channel is closed before', async () => {
    const raw = await open();
    await raw.call('confirm.select', {});
    broker.faults.delayConfirm(1000);
    raw.publish({ routingKey: 'nowhere' });
    await raw.call('channel.close', {});
    await clock.advance('2s');
    await raw.call('channel.open', {});

    expect((await raw.rest()).map(({ name }) => name)).to.deep.equal([]);
  });

  it('cancels consumers', async () => {
    const raw = await open();
    await raw.call('queue.declare', { queue: 'q' });
    await raw.call('basic.consume', { queue: 'q', consumerTag: 'mine' });

    expect(broker.faults.cancelConsumers({ queue: 'other' })).to.equal(0);
    expect(broker.faults.cancelConsumers({ queue: 'q' })).to.equal(1);
    expect((await raw.receive('basic.cancel')).fields).to.include({ consumerTag: 'mine' });
  });

  it('ends the patience with consumers', async () => {
    const raw = await open();
    await raw.call('queue.declare', { queue: 'q' });
    raw.publish({ routingKey: 'q' });
    await raw.call('basic.consume', { queue: 'q' });
    await raw.receive('basic.deliver');
    broker.faults.timeOutConsumers();

    expect((await raw.receive('channel.close')).fields.replyText).to.match(
      /delivery acknowledgement .* timed out/u,
    );
    expect(broker.queues()[0]?.messagesReady).to.equal(1);
  });

  it('inverts a byte of a frame', async () => {
    const raw = await open();
    broker.faults.corrupt({ at: { frame: 'queue.declare-ok' } });
    raw.socket.removeAllListeners('data'); // it could not read that
    const bytes = once(raw.socket, 'data') as Promise<[Buffer]>;
    raw.send('queue.declare', { queue: 'q' });
    const [frame] = await bytes;

    expect(frame.at(-1)).to.equal(0xce ^ 0xff);
  });

  it('refuses connections, as many as asked for', async () => {
    const fault = broker.faults.refuse({ times: 1 });
    const socket = connect(broker.port, '127.0.0.1');
    socket.on('error', () => undefined); // being reset is a way to be refused
    await once(socket, 'close');
    await open();

    expect(fault.struck).to.equal(1);
  });

  it('strikes as often as asked for, and no more once it is ended or cleared', async () => {
    const raw = await open();
    const fault = broker.faults.timeOutConsumers({ at: { frame: 'basic.qos', nth: 2 }, times: 2 });
    for (let call = 0; call < 9; call++) await raw.call('basic.qos', {});
    const ended = broker.faults.drop({ at: { frame: 'basic.qos' } });
    ended.end();
    broker.faults.drop({ at: { frame: 'basic.qos' } });
    broker.faults.clear();
    await raw.call('basic.qos', {});

    expect([fault.struck, ended.struck]).to.deep.equal([2, 0]);
  });

  it('by chance strikes the same steps for the same seed, and others for another', async () => {
    const histories: string[][] = [];
    for (const seed of [7, 7, 8]) {
      await broker.stop();
      broker = await startBroker({ clock });
      const raw = await open({ name: 'web' });
      broker.faults.random({ seed, likelihood: 0.2, kinds: ['cancel-consumers', 'time-out-consumers'] });
      await raw.call('queue.declare', { queue: 'q' });
      for (let call = 0; call < 20; call++) await raw.call('basic.qos', {});
      histories.push([...broker.faults.history]);
    }

    const [first, again, other] = histories;
    expect(first).to.not.deep.equal([]);
    expect(again).to.deep.equal(first);
    expect(other).to.not.deep.equal(first);
  });

  it('knows which faults there are', () => {
    expect(() => broker.faults.random({ seed: 1, kinds: ['fire' as 'drop'] })).to.throw(/no fault 'fire'/u);
  });
});
