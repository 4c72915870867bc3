/** The window, order and failure of sending many. The clock is manual; no broker. */
import { expect } from 'chai';

import { CeleriacError } from '../../dist/errors.js';
import { sendAll } from '../../dist/send-many.js';
import { ManualClock, settled } from '../support/manual-clock.js';

const receipt = (input: unknown) => ({ id: String(input), exchange: '', routingKey: 'q' });

describe('sendAll', () => {
  it('keeps at most a window on the way and returns receipts in the order of the inputs', async () => {
    let now = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const send = async (input: unknown) => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void ends.push(resolve));
      now--;
      return receipt(input);
    };
    const done = sendAll([1, 2, 3, 4, 5], { window: 2, clock: new ManualClock(), send });
    for (let round = 0; round < 10; round++) {
      await settled();
      ends.pop()?.(); // the latest first
    }
    expect((await done).map(({ id }) => id)).to.deep.equal(['1', '2', '3', '4', '5']);
    expect(most).to.equal(2);
  });

  it('stops reading inputs after a failure and says how many were sent', async () => {
    let read = 0;
    function* inputs(): Generator<number> {
      while (read < 100) yield ++read;
    }
    const send = (input: unknown) =>
      input === 3 ? Promise.reject(new Error('boom')) : Promise.resolve(receipt(input));
    const error: unknown = await sendAll(inputs(), { window: 1, clock: new ManualClock(), send }).catch(
      (e: unknown) => e,
    );
    expect(error).to.have.property('code', 'ERR_SEND_MANY');
    expect(error).to.have.property('values').that.includes({ sent: 2, failed: 1 });
    expect(read).to.be.at.most(4); // one may have been taken from the inputs when the failure came
  });

  it('sends again after a pause when the publisher is full', async () => {
    const clock = new ManualClock();
    let tries = 0;
    const send = (input: unknown) =>
      ++tries < 3
        ? Promise.reject(new CeleriacError('ERR_PUBLISH_BACKPRESSURE', { message: 'full' }))
        : Promise.resolve(receipt(input));
    const done = sendAll(['a'], { window: 1, clock, send });
    await settled();
    await clock.advance(100);
    expect(await done).to.have.length(1);
    expect(tries).to.equal(3);
  });
});
