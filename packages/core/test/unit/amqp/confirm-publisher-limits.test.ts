/**
 * The limits of the publisher, against a broker the test plays: deadlines, a broker that blocks, what waits, what is
 * too large, what cannot be prepared or written, and the end. Manual clock.
 */
import { expect } from 'chai';

import { CeleriacError } from '../../../dist/errors.js';
import { outgoing } from './outgoing.js';
import { PublisherBench } from './publisher-bench.js';
import { until } from './scripted-session.js';

describe('ConfirmPublisher, within its limits,', () => {
  let bench: PublisherBench;
  beforeEach(async () => {
    bench = new PublisherBench();
    await bench.listen();
    await bench.connect();
  });
  afterEach(() => bench.stop());

  describe('at the deadline', () => {
    it('says that the outcome is unknown for what was written, and ignores a confirm that comes later', async () => {
      bench.open();
      bench.publish('a', {}, { timeoutMs: 1000 });
      bench.publish('b');
      await bench.arrived(2);
      await bench.clock.advance(999);
      expect(bench.ended).to.deep.equal({});
      await bench.clock.advance(1);
      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_TIMEOUT unknown' });

      bench.broker.ack(2, true);
      await bench.over(2);
      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_TIMEOUT unknown', b: 'ok' });
    });

    it('says that nothing was sent where there was no connection, and does not send it later', async () => {
      bench.broker.cut();
      await until(() => bench.session.connection === undefined);
      bench.open();
      bench.publish('a', {}, { timeoutMs: 1000 });
      bench.publish('b');
      await bench.clock.advance(1000);
      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_TIMEOUT not-sent' });

      await bench.connect();
      await bench.arrived(1);
      expect(bench.broker.ids).to.deep.equal(['b']);
    });

    it('names the reason of a broker that blocks, and writes nothing to it until it unblocks', async () => {
      bench.open();
      bench.publish('first');
      await bench.arrived(1); // the channel is open
      bench.session.block('low on memory');
      bench.publish('a', {}, { timeoutMs: 1000 });
      bench.publish('b');
      await bench.clock.advance(1000);
      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_BLOCKED not-sent' });
      expect(bench.broker.ids).to.deep.equal(['first']);

      bench.session.unblock();
      await bench.arrived(2);
      expect(bench.broker.ids).to.deep.equal(['first', 'b']);
    });
  });

  describe('takes no more', () => {
    it('than so many messages, until one of them is settled', async () => {
      bench.open({ maxMessages: 2 });
      for (const id of ['a', 'b', 'c']) bench.publish(id);
      await bench.over(1);
      expect(bench.ended).to.deep.equal({ c: 'ERR_PUBLISH_BACKPRESSURE not-sent' });

      await bench.arrived(2);
      bench.broker.ack(1);
      await bench.over(2);
      bench.publish('d');
      await bench.arrived(3);
      expect(bench.broker.ids).to.deep.equal(['a', 'b', 'd']);
    });

    it('than so many bytes, except for one message that is larger than all of them', async () => {
      bench.open({ maxBytes: 100 });
      bench.publish('a', { body: Buffer.alloc(300) });
      bench.publish('b', { body: Buffer.alloc(1) });
      await bench.over(1);
      await bench.arrived(1);

      expect(bench.ended).to.deep.equal({ b: 'ERR_PUBLISH_BACKPRESSURE not-sent' });
      expect(bench.broker.ids).to.deep.equal(['a']);
    });

    it('than the largest message allowed, unless any size is', async () => {
      bench.open({ maxMessageBytes: 10 });
      bench.publish('a', { body: Buffer.alloc(11) });
      const anySize = bench.publisher.publish(outgoing('b', { body: Buffer.alloc(11) }), { anySize: true });
      await bench.arrived(1);
      bench.broker.ack(1);
      await anySize;

      expect(bench.ended).to.deep.equal({ a: 'ERR_MESSAGE_TOO_LARGE not-stored' });
    });

    it('once it drains, and has drained when everything taken is settled', async () => {
      bench.open();
      bench.publish('a');
      await bench.arrived(1);
      let drained = false;
      const draining = bench.publisher.drain().then(() => (drained = true));
      bench.publish('b');
      await bench.over(1);
      expect(bench.ended).to.deep.equal({ b: 'ERR_CLOSED not-sent' });
      expect(drained).to.equal(false);

      bench.broker.ack(1);
      await draining;
      expect(bench.ended).to.include({ a: 'ok' });
    });
  });

  it('sends a message larger than any the broker has taken alone', async () => {
    bench.open();
    bench.publish('a');
    bench.publish('huge', { body: Buffer.alloc(100_000) });
    bench.publish('c');
    await bench.arrived(1);
    bench.broker.ack(1);
    await bench.arrived(2);
    expect(bench.broker.ids).to.deep.equal(['a', 'huge']);

    bench.broker.ack(2);
    await bench.arrived(3);
    bench.publish('as large', { body: Buffer.alloc(100_000) }); // proven now: beside others
    await bench.arrived(4);
    expect(bench.broker.ids).to.deep.equal(['a', 'huge', 'c', 'as large']);
  });

  it('prepares a target before it writes, keeps the order meanwhile, and rejects only what cannot be prepared', async () => {
    bench.open();
    let finish: () => void = () => undefined;
    const prepared = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const missing = new CeleriacError('ERR_TOPOLOGY_MISSING', { message: 'no queue.' });
    let asked = 0;
    bench.publish('a', { prepare: () => (asked++ === 0 ? prepared : undefined) });
    bench.publish('b', { prepare: () => Promise.reject(missing) });
    bench.publish('c');
    await until(() => asked === 1);
    expect(bench.broker.ids).to.deep.equal([]);

    finish();
    await bench.arrived(2);
    expect(bench.broker.ids).to.deep.equal(['a', 'c']);
    expect(bench.ended).to.deep.equal({ b: 'ERR_TOPOLOGY_MISSING undefined' });
  });

  it('rejects a message whose properties AMQP cannot carry, and nothing else', async () => {
    bench.open();
    bench.publish('bad', { properties: { messageId: 'bad', headers: { f: () => undefined } } });
    bench.publish('wide', { properties: { messageId: 'wide', headers: { text: 'x'.repeat(5000) } } });
    bench.publish('good');
    await bench.over(2);
    await bench.arrived(1);
    bench.broker.ack(1);
    await bench.over(3);

    expect(bench.ended).to.deep.equal({
      bad: 'ERR_NOT_SERIALIZABLE undefined',
      wide: 'ERR_NOT_SERIALIZABLE undefined',
      good: 'ok',
    });
  });

  it('rejects what is unsettled when it is closed, saying whether it was sent', async () => {
    bench.open();
    bench.publish('sent');
    await bench.arrived(1);
    bench.session.block('low on disk');
    bench.publish('waiting');
    await bench.publisher.close();
    bench.publish('late');
    await bench.over(3);

    expect(bench.ended).to.deep.equal({
      sent: 'ERR_CLOSED unknown',
      waiting: 'ERR_CLOSED not-sent',
      late: 'ERR_CLOSED not-sent',
    });
  });
});
