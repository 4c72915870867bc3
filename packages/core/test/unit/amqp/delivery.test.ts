/** Deliveries and the channel they are bound to: settled once, and never after it is gone. Recorded acks, no broker. */
import type { ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import type { Acknowledgements } from '../../../dist/amqp/acknowledgements.js';
import { AmqpDelivery, ChannelLease } from '../../../dist/amqp/delivery.js';
import { ReceivedProperties } from '../../../dist/amqp/frame-reader.js';

describe('AmqpDelivery', () => {
  let calls: string[];
  let stale: number;
  let lease: ChannelLease;

  beforeEach(() => {
    calls = [];
    stale = 0;
    const acknowledgements = {
      ack: (tag: number) => void calls.push(`ack ${tag}`),
      requeue: (tag: number, failure: boolean) => void calls.push(`requeue ${tag} ${failure}`),
      close: () => void calls.push('close'),
    };
    lease = new ChannelLease(acknowledgements as unknown as Acknowledgements, () => {
      stale++;
    });
  });

  function deliver(deliveryTag: number): AmqpDelivery {
    const fields = { deliveryTag, exchange: 'x', routingKey: 'k', redelivered: true, consumerTag: 'c' };
    const message = { fields, content: Buffer.from('body'), properties: {} } as unknown as ConsumeMessage;
    return new AmqpDelivery({ lease, queue: 'q' }, message, new ReceivedProperties());
  }

  it('shows where it came from and its content', () => {
    const delivery = deliver(1);

    expect(delivery).to.include({
      queue: 'q',
      exchange: 'x',
      routingKey: 'k',
      redelivered: true,
      live: true,
    });
    expect(delivery.body.toString()).to.equal('body');
  });

  it('is settled by its own tag, once: what comes later is counted and not written', () => {
    const delivery = deliver(7);
    delivery.ack();
    delivery.ack();
    delivery.requeue(true);

    expect(calls).to.deep.equal(['ack 7']);
    expect(stale).to.equal(2);
    expect(delivery.live).to.equal(false);
  });

  it('is given back as a failure or without blame', () => {
    deliver(1).requeue(true);
    deliver(2).requeue(false);

    expect(calls).to.deep.equal(['requeue 1 true', 'requeue 2 false']);
  });

  it('is not settled after its channel has ended', () => {
    const delivery = deliver(1);
    lease.end();
    delivery.ack();
    delivery.requeue(false);

    expect(calls).to.deep.equal(['close']);
    expect(stale).to.equal(2);
    expect(delivery.live).to.equal(false);
  });

  it('counts in its lease from arrival until it is settled, once', () => {
    const [first] = [deliver(1), deliver(2)];
    expect(lease.unsettled).to.equal(2);

    first.ack();
    first.ack();
    expect(lease.unsettled).to.equal(1);
  });

  it('tells once that its channel was lost, and only those who still want to know', () => {
    const told: string[] = [];
    const delivery = deliver(1);
    delivery.onLost(() => void told.push('kept'));
    const forget = delivery.onLost(() => void told.push('forgotten'));
    forget();
    lease.end();
    lease.end();

    expect(told).to.deep.equal(['kept']);
    expect(calls).to.deep.equal(['close']);
  });

  it('tells nobody of a loss once it is settled or lost', () => {
    const told: string[] = [];
    const settledOne = deliver(1);
    settledOne.ack();
    settledOne.onLost(() => void told.push('settled'));
    const lost = deliver(2);
    lease.end();
    lost.onLost(() => void told.push('lost'));

    expect(told).to.deep.equal([]);
  });

  it('has ended before anyone is told: who asks in the callback sees a dead delivery', () => {
    const delivery = deliver(1);
    let live: boolean | undefined;
    delivery.onLost(() => (live = delivery.live));
    lease.end();

    expect(live).to.equal(false);
  });
});
