/** The way of a delivery from arrival to settlement: slots, waiting for an eta, expiry, stopping. No broker. */
import { expect } from 'chai';

import { dispatch } from '../../dist/dispatch.js';
import { Slots } from '../../dist/slots.js';
import type { Prepared, Work } from '../../dist/work.js';
import { Bench, noRetries } from '../support/fakes.js';
import { settled } from '../../../core/dist-test/support/manual-clock.js';

describe('dispatch', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  const work = (more: Partial<Work> = {}): Prepared => ({
    work: { id: '1', name: 'a', retries: 0, policy: noRetries, input: [], run: () => undefined, ...more },
  });

  it('runs and acknowledges a task', async () => {
    await dispatch(
      bench.delivery(),
      bench.parts(() => work()),
    );
    expect(bench.calls).to.deep.equal(['started', 'ack']);
    expect(bench.outcomes).to.deep.equal(['succeeded']);
  });

  it('never runs more handlers at once than there are slots, and runs them all', async () => {
    let now = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const run = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => void ends.push(resolve));
      now--;
    };
    const parts = bench.parts(() => work({ run }), 3);
    const all = Array.from({ length: 10 }, () => dispatch(bench.delivery(), parts));
    for (let round = 0; round < 10; round++) {
      await settled();
      ends.shift()?.();
    }
    await Promise.all(all);
    expect(most).to.equal(3);
    expect(bench.outcomes).to.have.length(10);
  });

  it('waits for an eta of less than a second without a slot', async () => {
    const eta = bench.clock.now() + 1000;
    const queue = [work({ eta }), work()];
    const parts = bench.parts(() => queue.shift() as Prepared, 1);
    const later = dispatch(bench.delivery(), parts);
    await dispatch(bench.delivery(), parts);
    expect(bench.outcomes).to.deep.equal(['succeeded']);
    await bench.clock.advance(999);
    expect(bench.outcomes).to.have.length(1);
    await bench.clock.advance(1);
    await later;
    expect(bench.outcomes).to.deep.equal(['succeeded', 'succeeded']);
  });

  it('moves a task whose eta is further away into the delay queues, at once', async () => {
    const eta = bench.clock.now() + 4001;
    await dispatch(
      bench.delivery(),
      bench.parts(() => work({ eta })),
    );
    expect(bench.calls).to.deep.equal(['publish', 'ack']);
    expect(bench.outcomes).to.deep.equal(['tooEarly']);
    expect(bench.letters[0]).to.include({ exchange: 'celery_delayed_2' });
    expect(bench.letters[0]?.routingKey).to.match(/\.1\.0\.1\.celery$/u);
  });

  it('dead-letters what will have expired before its eta only when it has', async () => {
    const expires = bench.clock.now();
    await dispatch(
      bench.delivery(),
      bench.parts(() => work({ expires, eta: expires + 60_000 })),
    );
    expect(bench.outcomes).to.deep.equal(['expired']);
  });

  it('sends a failed task to its next attempt, by its policy', async () => {
    const policy = { ...noRetries, max: 1, delayMs: 2000 };
    const fail = (retries: number): Prepared =>
      work({
        retries,
        policy,
        run: () => {
          throw new Error('boom');
        },
      });
    await dispatch(
      bench.delivery(),
      bench.parts(() => fail(0)),
    );
    await dispatch(
      bench.delivery(),
      bench.parts(() => fail(1)),
    );
    expect(bench.calls).to.deep.equal(['started', 'publish', 'ack', 'started', 'publish', 'ack']);
    expect(bench.letters.map(({ routingKey }) => routingKey.slice(-10))).to.deep.equal([
      '1.0.celery',
      'ead-letter',
    ]);
  });

  it('asks retryIf, and decides without it when it throws', async () => {
    const asked: unknown[] = [];
    const answers = ['5s', false, undefined];
    const policy = { ...noRetries, max: 3, delayMs: 1000 };
    const failing = work({
      retries: 1,
      policy,
      retryIf: (error, attempt) => {
        asked.push([(error as Error).message, attempt]);
        const answer = answers.shift();
        if (answer === undefined) throw new Error('a bug of its own');
        return answer;
      },
      run: () => {
        throw new Error('boom');
      },
    });
    for (let count = 0; count < 3; count++)
      await dispatch(
        bench.delivery(),
        bench.parts(() => failing),
      );
    expect(asked).to.deep.equal(Array(3).fill(['boom', 2]));
    expect(bench.letters.map(({ routingKey }) => routingKey.slice(-12))).to.deep.equal([
      '1.0.1.celery',
      '.dead-letter',
      '0.1.0.celery',
    ]);
  });

  it('dead-letters an expired task without running it', async () => {
    const expires = bench.clock.now();
    await dispatch(
      bench.delivery(),
      bench.parts(() => work({ expires })),
    );
    expect(bench.calls).to.deep.equal(['publish', 'ack']);
    expect(bench.outcomes).to.deep.equal(['expired']);
  });

  it('returns what waits for its eta or a slot when the worker stops', async () => {
    let end: () => void = () => undefined;
    const queue = [
      work({ run: () => new Promise<void>((resolve) => (end = resolve)) }),
      work(),
      work({ eta: bench.clock.now() + 500 }),
    ];
    const parts = bench.parts(() => queue.shift() as Prepared, 1);
    const all = [1, 2, 3].map(() => dispatch(bench.delivery(), parts));
    await settled();
    bench.stopping.abort();
    end();
    await Promise.all(all);
    expect([...bench.outcomes].sort()).to.deep.equal(['notStarted', 'notStarted', 'succeeded']);
    expect(bench.calls.filter((call) => call === 'requeue')).to.have.length(2);
  });

  it('tells a running handler that its connection is lost, and writes nothing then', async () => {
    const delivery = bench.delivery();
    const parts = bench.parts(() =>
      work({
        run: ({ signal }) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      }),
    );
    const done = dispatch(delivery, parts);
    await settled();
    delivery.lose();
    await done;
    expect(bench.calls).to.deep.equal(['started']);
    expect(parts.inHand.size).to.equal(0);
  });

  for (const [onLost, runs] of [
    ['cancel', 2],
    ['finish', 1],
  ] as const) {
    it(`waits for the run that lost its delivery, and ${runs === 2 ? 'runs anew' : 'takes over its end'} (${onLost})`, async () => {
      let begun = 0;
      let end: () => void = () => undefined;
      const run = (): Promise<void> => {
        begun++;
        return new Promise((resolve) => (end = resolve)); // heeds nothing, and returns
      };
      const parts = { ...bench.parts(() => work({ onLost, run }), 2), deliveryLimit: 0 };
      const first = bench.delivery();
      const all = [dispatch(first, parts)];
      await settled();
      first.lose();
      all.push(dispatch(Object.assign(bench.delivery(), { redelivered: true }), parts));
      await settled();
      expect([begun, bench.outcomes]).to.deep.equal([1, []]);

      end();
      await settled();
      end();
      await Promise.all(all);

      expect(begun).to.equal(runs);
      expect(bench.calls.filter((call) => call !== 'started')).to.deep.equal(['ack']);
    });
  }

  for (const [whose, isTrusted] of [
    ['a sender that is trusted', true],
    ['nobody who vouches for it', false],
  ] as const) {
    it(`tells ${isTrusted ? 'how' : 'nobody how'} a message of ${whose} ended that came too often`, async () => {
      const told: string[] = [];
      const delivery = bench.delivery();
      const headers = { task: 'a', id: '1', 'celeriac-deliveries': 21 };
      Object.assign(delivery, { properties: { ...delivery.properties, headers } });
      const results = { ended: ({ target }: { target: { id: string } }) => void told.push(target.id) };
      const parts = { ...bench.parts(() => work()), results: results as never, trusts: () => isTrusted };
      await dispatch(delivery, parts);
      expect(bench.outcomes).to.deep.equal(['overDelivered']);
      expect(told).to.deep.equal(isTrusted ? ['1'] : []);
    });
  }

  it('frees the slot of a handler that throws', async () => {
    const run = (): never => {
      throw new Error('boom');
    };
    const parts = bench.parts(() => work({ run }), 1);
    await dispatch(bench.delivery(), parts);
    await dispatch(bench.delivery(), parts);
    expect(bench.outcomes).to.deep.equal(['failed', 'failed']);
  });
});

describe('Slots', () => {
  it('hands a released slot to the one that has waited longest', async () => {
    const slots = new Slots(1);
    const order: string[] = [];
    expect(slots.take()).to.equal(undefined);
    void slots.take()?.then(() => order.push('first'));
    void slots.take()?.then(() => order.push('second'));
    slots.release();
    await settled();
    expect(order).to.deep.equal(['first']);
    slots.release();
    await settled();
    expect(order).to.deep.equal(['first', 'second']);
  });
});
