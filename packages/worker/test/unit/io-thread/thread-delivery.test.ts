/** A delivery that another thread holds: settled once, on its own channel, or not at all. */
import { readProperties } from '@celeriac/core';
import { expect } from 'chai';

import { ThreadChannel, ThreadDelivery } from '../../../dist/io-thread/thread-delivery.js';

function inHand() {
  const current = new Int32Array(new SharedArrayBuffer(4));
  const channel = new ThreadChannel(current);
  const settled: [number, number][] = [];
  let stale = 0;
  const delivery = new ThreadDelivery(
    {
      number: 9,
      exchange: '',
      routingKey: 'q',
      redelivered: false,
      properties: readProperties(Buffer.alloc(2), 0),
      body: Buffer.alloc(0),
    },
    {
      queue: 'q',
      channel,
      settle: (number, how) => void settled.push([number, how]),
      onStale: () => {
        stale++;
      },
    },
  );
  return { current, channel, delivery, settled, stale: () => stale };
}

describe('ThreadDelivery', () => {
  it('tells what becomes of it once; a second settling is counted and writes nothing', () => {
    const { delivery, settled, stale } = inHand();

    delivery.ack();
    delivery.requeue(true);

    expect(settled).to.deep.equal([[9, 1]]);
    expect(stale()).to.equal(1);
  });

  it('tells the two ways of going back apart', () => {
    const [polite, failed] = [inHand(), inHand()];

    polite.delivery.requeue(false);
    failed.delivery.requeue(true);

    expect([...polite.settled, ...failed.settled]).to.deep.equal([
      [9, 2],
      [9, 3],
    ]);
  });

  it('is lost as soon as the shared memory says so, before any message about it', () => {
    const { current, delivery, settled, stale } = inHand();

    Atomics.add(current, 0, 1);

    expect(delivery.live).to.equal(false);
    delivery.ack();
    expect(settled).to.deep.equal([]);
    expect(stale()).to.equal(1);
  });

  it('calls back when its channel ends, unless that was called off', () => {
    const { channel, delivery } = inHand();
    const calls: string[] = [];
    delivery.onLost(() => calls.push('kept'));
    const forget = delivery.onLost(() => calls.push('forgotten'));

    forget();
    channel.end({ code: undefined, text: 'closed' });

    expect(calls).to.deep.equal(['kept']);
    expect(delivery.live).to.equal(false);
  });
});
