/** What a consumer gets of a queue that others read, and write to, at the same time. A channel that is made up. */
import type { Channel, ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { Batch } from '../../../dist/amqp/queue-batch.js';
import { ManualClock, settled } from '../../support/manual-clock.js';

function bench(messageCount: () => number) {
  const clock = new ManualClock();
  let deliver: (message: ConsumeMessage) => void = () => undefined;
  const channel = {
    prefetch: () => Promise.resolve(),
    consume: (_queue: string, callback: typeof deliver) => {
      deliver = callback;
      return Promise.resolve();
    },
    checkQueue: () => Promise.resolve({ messageCount: messageCount() }),
    cancel: () => Promise.resolve(),
  } as unknown as Channel;
  const batch = new Batch({ channel, queue: 'q', clock, timeoutMs: 30_000, wanted: 1000, tag: 't' });
  let isOver = false;
  const received = batch.received().finally(() => (isOver = true));
  const arrive = (): void => deliver({ fields: {} } as ConsumeMessage);
  return { clock, received, arrive, isOver: () => isOver };
}

describe('a batch of a queue', () => {
  it('ends when others have taken the rest, however many new messages come', async () => {
    const { clock, received, arrive, isOver } = bench(() => 0);
    await settled();
    for (let round = 0; round < 100 && !isOver(); round++) {
      arrive();
      await clock.advance(100);
      await settled();
    }

    expect(isOver()).to.equal(true);
    expect((await received).length).to.be.below(20);
  });

  it('waits for what is in the queue, however slowly it comes', async () => {
    let left = 30;
    const { clock, received, arrive, isOver } = bench(() => left);
    await settled();
    for (; left > 0; left--) {
      expect(isOver()).to.equal(false);
      await clock.advance(5_000);
      arrive();
      await settled();
    }
    await clock.advance(100);
    await clock.advance(100);
    await settled();

    expect(await received).to.have.length(30);
  });
});
