/** What a worker makes of signatures: redelivery is no replay, and what was not handled to an end may come again. */
import { type Delivery, ReplayMemory, type Verdict, type Verified, type Verifier } from '@celeriac/core';
import { expect } from 'chai';

import { Guard } from '../../dist/signatures.js';
import type { Prepared } from '../../dist/work.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';
import { FakeDelivery } from '../support/fakes.js';

const prepared: Prepared = { outcome: { kind: 'notStarted' }, id: 'm1', name: 'a' };

function guard(verified: Verified = { ok: true, nonce: 'n', until: Infinity }): Guard {
  const verifier = { verify: () => verified } as unknown as Verifier;
  return new Guard({ kind: 'task', verifier, replays: new ReplayMemory(10), clock: new ManualClock() });
}

function take(by: Guard, delivery: Delivery = new FakeDelivery()): Prepared {
  return by.prepare(delivery, () => prepared) as Prepared;
}

function problemOf(one: Prepared): unknown {
  return 'outcome' in one && one.outcome.kind === 'untrusted' ? one.outcome.problem : undefined;
}

const redelivered = (): Delivery => Object.assign(new FakeDelivery(), { redelivered: true });
const handled: readonly Verdict[] = [
  { kind: 'ack' },
  { kind: 'deadLetter', reason: 'failed', error: 1 },
  { kind: 'retry', delayMs: 1, attempt: 1, of: 3, error: 1 },
];
const comesAgain: readonly Verdict[] = [
  { kind: 'requeue', countsAsFailure: false },
  { kind: 'postpone', until: 1 },
  { kind: 'recount', deliveries: 1, delayMs: 0, inPassing: false },
  { kind: 'abandon' },
];

describe('a worker that verifies', () => {
  it('reads nothing of a message that is refused, and says why', () => {
    let read = 0;
    const by = guard({ ok: false, problem: 'unsigned', error: new Error('no') as never });

    const ending = by.prepare(new FakeDelivery(), () => (read++, prepared)) as Prepared;

    expect([read, problemOf(ending)]).to.deep.equal([0, 'unsigned']);
    expect(ending).to.include({ id: 'm1', name: 'a' });
  });

  it('refuses a copy of what is in hand, and takes what the broker delivers again', () => {
    const by = guard();
    take(by);

    expect(problemOf(take(by))).to.equal('replayed');
    expect(problemOf(take(by, redelivered()))).to.equal(undefined);
  });

  for (const verdict of handled) {
    it(`refuses a copy of what ended with ${verdict.kind}`, () => {
      const by = guard();
      take(by).settled?.(verdict);

      expect(problemOf(take(by))).to.equal('replayed');
      expect(problemOf(take(by, redelivered()))).to.equal(undefined);
    });
  }

  for (const verdict of comesAgain) {
    it(`takes a message again that ended with ${verdict.kind}`, () => {
      const by = guard();
      take(by).settled?.(verdict);

      expect(problemOf(take(by))).to.equal(undefined);
    });
  }

  it('takes a message again whose channel was lost, and its late end changes nothing', () => {
    const by = guard();
    const delivery = new FakeDelivery();
    const first = take(by, delivery);
    delivery.lose();

    const second = take(by);
    first.settled?.({ kind: 'abandon' });

    expect(problemOf(second)).to.equal(undefined);
    expect(problemOf(take(by))).to.equal('replayed');
  });

  it('forgets nothing of one whose reading takes a while', async () => {
    const by = guard();
    const one = await by.prepare(new FakeDelivery(), () => Promise.resolve(prepared));
    one.settled?.({ kind: 'ack' });

    expect(problemOf(take(by))).to.equal('replayed');
  });
});
