import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { RawClient, type Received } from './raw-client.js';
import { bodies, onEveryBroker, publish } from './subjects.js';

onEveryBroker('transactions', (opened) => {
  let raw: RawClient;

  beforeEach(async () => {
    const { channel, subject } = opened();
    await channel.assertQueue('q');
    await channel.assertQueue('r');
    raw = await RawClient.open(subject.url);
  });

  afterEach(() => raw.close());

  const said = ({ name, fields }: Received): unknown[] => [name, fields.replyCode, fields.replyText];

  it('publish at the commit, in order, and not at all after a rollback', async () => {
    const { channel } = opened();
    await raw.call('tx.select', {});
    raw.publish({ routingKey: 'q' }, 'a');
    raw.publish({ routingKey: 'r' }, 'b');
    await raw.rest();
    expect((await channel.checkQueue('q')).messageCount).to.equal(0);
    await raw.call('tx.commit', {});
    raw.publish({ routingKey: 'q' }, 'never');
    await raw.call('tx.rollback', {});
    raw.publish({ routingKey: 'q' }, 'c');
    await raw.call('tx.commit', {});
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 2);

    expect(await bodies(channel, 'q')).to.deep.equal(['a', 'c']);
    expect(await bodies(channel, 'r')).to.deep.equal(['b']);
  });

  it('settle at the commit, and take it back with a rollback', async () => {
    const { channel } = opened();
    await publish(channel, 'q', ['a', 'b', 'c']);
    await raw.call('tx.select', {});
    for (let index = 0; index < 3; index++) {
      raw.send('basic.get', { queue: 'q' });
      await raw.receive('basic.get-ok');
    }
    raw.send('basic.ack', { deliveryTag: 1 });
    await raw.call('tx.rollback', {});
    raw.send('basic.ack', { deliveryTag: 1 });
    raw.send('basic.nack', { deliveryTag: 3, requeue: true });
    raw.send('basic.reject', { deliveryTag: 2, requeue: false });
    await raw.rest();
    expect((await channel.checkQueue('q')).messageCount).to.equal(0);
    await raw.call('tx.commit', {});
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 1);

    expect(await bodies(channel, 'q')).to.deep.equal(['c']);
  });

  it('that end with their channel never were', async () => {
    const { channel } = opened();
    await publish(channel, 'q', ['a']);
    await raw.call('tx.select', {});
    raw.send('basic.get', { queue: 'q' });
    await raw.receive('basic.get-ok');
    raw.send('basic.ack', { deliveryTag: 1 });
    raw.publish({ routingKey: 'r' }, 'never');
    await raw.call('channel.close', {});
    await waitFor(async () => (await channel.checkQueue('q')).messageCount === 1);

    expect((await channel.checkQueue('r')).messageCount).to.equal(0);
  });

  it('return what has no way at the commit, before they answer it', async () => {
    await raw.call('tx.select', {});
    raw.publish({ routingKey: 'nowhere', mandatory: true }, 'x');
    expect(await raw.rest()).to.deep.equal([]);
    await raw.call('tx.commit', {});
    const rest = await raw.rest();

    expect(rest.map(({ name, fields }) => [name, fields.replyText])).to.deep.equal([
      ['basic.return', 'NO_ROUTE'],
    ]);
  });

  it('hold the prefetch until the commit', async () => {
    const { channel } = opened();
    await publish(channel, 'q', ['a', 'b']);
    await raw.call('tx.select', {});
    await raw.call('basic.qos', { prefetchCount: 1 });
    await raw.call('basic.consume', { queue: 'q' });
    await raw.receive('basic.deliver');
    raw.send('basic.ack', { deliveryTag: 1 });
    await raw.call('queue.declare', { queue: 'q', durable: true });
    expect((await channel.checkQueue('q')).messageCount).to.equal(1);
    await raw.call('tx.commit', {});

    expect((await raw.receive('basic.deliver')).body?.toString()).to.equal('b');
  });

  it('see an unknown exchange, and an unknown tag, at once', async () => {
    await raw.call('tx.select', {});
    raw.publish({ exchange: 'none' }, 'x');
    const { fields } = await raw.receive('channel.close');
    expect(fields.replyCode).to.equal(404);
    raw.send('channel.close-ok', {});
    await raw.call('channel.open', {});
    await raw.call('tx.select', {});
    raw.send('basic.ack', { deliveryTag: 1 });

    expect((await raw.receive('channel.close')).fields.replyText).to.equal(
      'PRECONDITION_FAILED - unknown delivery tag 1',
    );
  });

  it('may be selected twice, and are not mixed with confirms', async () => {
    await raw.call('tx.select', {});
    await raw.call('tx.select', {});
    expect(said(await raw.call('confirm.select', {}))).to.deep.equal([
      'channel.close',
      406,
      'PRECONDITION_FAILED - cannot switch from tx to confirm mode',
    ]);
    raw.send('channel.close-ok', {});
    await raw.call('channel.open', {});
    await raw.call('confirm.select', {});
    await raw.call('confirm.select', {});

    expect(said(await raw.call('tx.select', {}))).to.deep.equal([
      'channel.close',
      406,
      'PRECONDITION_FAILED - cannot switch from confirm to tx mode',
    ]);
  });

  for (const method of ['tx.commit', 'tx.rollback'] as const) {
    it(`are none before they were selected (${method})`, async () => {
      expect(said(await raw.call(method, {}))).to.deep.equal([
        'channel.close',
        406,
        'PRECONDITION_FAILED - channel is not transactional',
      ]);
    });
  }

  it('are half done when a queue refuses one of their messages', async () => {
    const { channel } = opened();
    await channel.assertQueue('full', { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
    await raw.call('tx.select', {});
    raw.publish({ routingKey: 'q' }, 'taken');
    raw.publish({ routingKey: 'full' }, 'refused');
    expect(said(await raw.call('tx.commit', {}))).to.deep.equal([
      'channel.close',
      406,
      'PRECONDITION_FAILED - partial tx completion',
    ]);

    expect(await bodies(channel, 'q')).to.deep.equal(['taken']);
  });
});
