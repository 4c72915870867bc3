/**
 * The publisher on real amqplib channels, against a broker the test plays: confirms, returns, closed channels and lost
 * connections. Manual clock.
 */
import { expect } from 'chai';

import { isCeleriacError } from '../../../dist/errors.js';
import { outgoing } from './outgoing.js';
import { PublisherBench } from './publisher-bench.js';
import { until } from './scripted-session.js';

describe('ConfirmPublisher', () => {
  let bench: PublisherBench;
  beforeEach(async () => {
    bench = new PublisherBench();
    await bench.listen();
    await bench.connect();
  });
  afterEach(() => bench.stop());

  describe('settles a message', () => {
    beforeEach(() => bench.open());

    it('when the broker confirms it, in whatever order it does', async () => {
      for (const id of ['a', 'b', 'c']) bench.publish(id);
      await bench.arrived(3);
      expect(bench.publisher.unsettled).to.equal(3);
      bench.broker.ack(3);
      await bench.over(1);
      expect(bench.ended).to.deep.equal({ c: 'ok' });

      bench.broker.ack(2, true);
      await bench.over(3);
      expect(bench.publisher.unsettled).to.equal(0);
    });

    it('as refused when the broker nacks it, and no other', async () => {
      bench.publish('a');
      bench.publish('b');
      await bench.arrived(2);
      bench.broker.nack(1);
      bench.broker.ack(2);
      await bench.over(2);

      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_NACKED not-stored', b: 'ok' });
    });

    it('as unroutable when the broker gives it back before it confirms it, and no other', async () => {
      bench.publish('a');
      bench.publish('b');
      await bench.arrived(2);
      bench.broker.giveBack(bench.broker.published[1]!);
      bench.broker.ack(2, true);
      await bench.over(2);

      expect(bench.ended).to.deep.equal({ a: 'ok', b: 'ERR_PUBLISH_UNROUTABLE not-stored' });
    });

    it('that was given back apart from another with its id', async () => {
      const results: string[] = [];
      for (const routingKey of ['here', 'nowhere']) {
        bench.publisher.publish(outgoing('same', { routingKey })).then(
          () => results.push(`${routingKey} ok`),
          (error: unknown) => results.push(`${routingKey} ${isCeleriacError(error) ? error.code : ''}`),
        );
      }
      await bench.arrived(2);
      bench.broker.giveBack(bench.broker.published[1]!);
      bench.broker.ack(2, true);
      await until(() => results.length === 2);

      expect(results).to.deep.equal(['here ok', 'nowhere ERR_PUBLISH_UNROUTABLE']);
    });
  });

  describe('after a refusal', () => {
    beforeEach(() => bench.open());

    it('by a queue that took nothing on this channel goes on with a new channel, once nothing is in flight', async () => {
      bench.publish('a');
      bench.publish('b', { routingKey: 'other' });
      await bench.arrived(2);
      bench.broker.nack(1);
      await bench.over(1);
      bench.publish('c');
      const pause = await bench.lost(() => bench.broker.ack(2));
      await bench.clock.advance(pause);
      await bench.arrived(3);
      bench.broker.ack(1); // the first of its channel
      await bench.over(3);

      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_NACKED not-stored', b: 'ok', c: 'ok' });
    });

    it('waits a second for what is in flight, and sends it again', async () => {
      bench.publish('a');
      bench.publish('b', { routingKey: 'other' });
      await bench.arrived(2);
      bench.broker.nack(1);
      await bench.over(1);
      const pauses = bench.clock.slept.length;
      await bench.clock.advance(1_000);
      await until(() => bench.clock.slept.length > pauses);
      await bench.clock.advance(bench.clock.slept.at(-1)!);
      await bench.arrived(3);
      bench.broker.ack(1);
      await bench.over(2);

      expect(bench.ended).to.deep.equal({ a: 'ERR_PUBLISH_NACKED not-stored', b: 'ok' });
    });

    it('by a queue that took something on this channel goes on with it', async () => {
      for (const id of ['a', 'b']) bench.publish(id);
      await bench.arrived(2);
      bench.broker.ack(1);
      bench.broker.nack(2);
      await bench.over(2);
      bench.publish('c');
      await bench.arrived(3);
      bench.broker.ack(3);
      await bench.over(3);

      expect(bench.ended).to.deep.equal({ a: 'ok', b: 'ERR_PUBLISH_NACKED not-stored', c: 'ok' });
    });
  });

  describe('after a closed channel', () => {
    beforeEach(() => bench.open());

    it('rejects the message that closed it and sends the others again, in order and under their ids', async () => {
      bench.publish('a');
      bench.publish('guilty', { exchange: 'nope' });
      bench.publish('b');
      bench.publish('c');
      await bench.arrived(4);
      await bench.closedAndReopened(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
      await bench.arrived(7);
      expect(bench.ended).to.deep.equal({ guilty: 'ERR_EXCHANGE_NOT_FOUND not-stored' });
      expect(bench.broker.ids.slice(4)).to.deep.equal(['a', 'b', 'c']);

      bench.broker.ack(3, true);
      await bench.over(4);
      expect(bench.ended).to.include({ a: 'ok', b: 'ok', c: 'ok' });
    });

    it('sends again what was unconfirmed only', async () => {
      for (const id of ['a', 'b']) bench.publish(id);
      await bench.arrived(2);
      bench.broker.ack(1);
      await bench.over(1);
      bench.publish('guilty', { exchange: 'nope' });
      await bench.arrived(3);
      await bench.closedAndReopened(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
      await bench.arrived(4);

      expect(bench.broker.ids.slice(3)).to.deep.equal(['b']);
    });

    it('writes what came in the meantime after what it sends again', async () => {
      bench.publish('a');
      bench.publish('guilty', { exchange: 'nope' });
      await bench.arrived(2);
      const pause = await bench.lost(() =>
        bench.broker.closeChannel(404, "NOT_FOUND - no exchange 'nope' in vhost '/'"),
      );
      bench.publish('later');
      await bench.clock.advance(pause);
      await bench.arrived(4);

      expect(bench.broker.ids.slice(2)).to.deep.equal(['a', 'later']);
    });

    it('takes the size limit that the broker named, also for what is sent later', async () => {
      bench.publish('a');
      bench.publish('big', { body: Buffer.alloc(5000) });
      await bench.arrived(2);
      await bench.closedAndReopened(
        406,
        'PRECONDITION_FAILED - message size 5000 is larger than configured max size 4000',
      );
      bench.publish('big too', { body: Buffer.alloc(4001) });
      await bench.over(2);

      expect(bench.ended).to.deep.equal({
        big: 'ERR_MESSAGE_TOO_LARGE not-stored',
        'big too': 'ERR_MESSAGE_TOO_LARGE not-stored',
      });
      await bench.arrived(3);
    });

    it('sends one at a time when the broker does not say which message it meant, until it is found', async () => {
      for (const id of ['a', 'guilty', 'c']) bench.publish(id);
      await bench.arrived(3);
      const words = "ACCESS_REFUSED - cannot publish to internal exchange 'i' in vhost '/'";
      await bench.closedAndReopened(403, words);
      await bench.arrived(4);
      bench.broker.ack(1);
      await bench.arrived(5);
      expect(bench.broker.ids.slice(3)).to.deep.equal(['a', 'guilty']);

      await bench.closedAndReopened(403, words);
      await bench.arrived(6);
      bench.broker.ack(1);
      await bench.over(3);
      expect(bench.ended).to.deep.equal({ a: 'ok', guilty: 'ERR_PUBLISH_REFUSED not-stored', c: 'ok' });
    });
  });

  it('sends everything unconfirmed again over the next connection, under the same ids, once', async () => {
    bench.open();
    for (const id of ['a', 'b', 'c']) bench.publish(id);
    await bench.arrived(3);
    bench.broker.ack(1);
    await bench.over(1);
    const pause = await bench.lost(() => bench.broker.cut());
    await bench.connect();
    await bench.clock.advance(pause);
    await bench.arrived(5);
    bench.broker.ack(2, true);
    await bench.over(3);

    expect(bench.broker.ids.slice(3)).to.deep.equal(['b', 'c']);
    expect(bench.ended).to.deep.equal({ a: 'ok', b: 'ok', c: 'ok' });
  });
});
