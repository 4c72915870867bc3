/** When a refusal makes a new channel due. */
import { expect } from 'chai';

import { Refusals } from '../../../dist/amqp/refusals.js';

const full = { exchange: '', routingKey: 'full' };
const other = { exchange: '', routingKey: 'other' };

describe('a refusal', () => {
  it('by a queue that has taken nothing on this channel makes a new one due', () => {
    const refusals = new Refusals();
    refusals.confirmed(other);
    expect(refusals.refused(full, 0)).to.equal(true);
  });

  it('by a queue that has taken something on this channel is its own', () => {
    const refusals = new Refusals();
    refusals.confirmed(full);
    refusals.confirmed(other);
    expect(refusals.refused(full, 0)).to.equal(false);
    refusals.opened();
    expect(refusals.refused(full, 0)).to.equal(true);
  });

  it('that a new channel did not remedy makes one due ever more rarely', () => {
    const refusals = new Refusals();
    const due: number[] = [];
    for (let now = 0; now < 100_000; now += 100) if (refusals.refused(full, now)) due.push(now);
    expect(due).to.deep.equal([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500, 63_500]);
  });

  it('is doubted anew once the queue has taken something', () => {
    const refusals = new Refusals();
    for (let now = 0; now < 100_000; now += 100) refusals.refused(full, now);
    refusals.confirmed(full);
    refusals.opened();
    expect(refusals.refused(full, 100_000)).to.equal(true);
  });

  it('by ever new queues takes no ever growing memory: from a thousand on nothing is due', () => {
    const refusals = new Refusals();
    const due = Array.from({ length: 1_200 }, (_, n) =>
      refusals.refused({ ...full, routingKey: `q${n}` }, 0),
    );
    expect(due.filter(Boolean)).to.have.length(1_000);
  });
});
