/** Handlers under seeded faults: good ones pass, broken promises are found, and a seed gives the same again. */
import { AssertionError } from 'node:assert';

import { CeleriacError, isCeleriacError } from '@celeriac/core';
import { currentTask, defineEvent, type TaskContext, type Worker } from '@celeriac/worker';
import { expect } from 'chai';

import {
  type FaultSource,
  type FaultTools,
  frameFaults,
  lostConnections,
  underFaults,
} from '../../dist/index.js';
import { isRefusedSettlement } from '../../dist/fault-run.js';
import { rejection } from '../support/failures.js';

const dealUpdated = defineEvent({ object: 'deal', action: 'update' });

function register(worker: Worker): void {
  worker.task('count', () => undefined);
  worker.task('fail', () => {
    throw new Error('no');
  });
  worker.application('crm').on(dealUpdated, () => undefined);
}

async function scenario({ publisher }: FaultTools): Promise<void> {
  for (let id = 0; id < 5; id++) {
    await publisher.send('count', [id], { id: `count-${id}` });
    await publisher.send('fail', [], { id: `fail-${id}` });
    await publisher.publishEvent(dealUpdated, { id }, { id: `deal-${id}` });
  }
}

/** Loses what waits, now and then: no queue of ours does that. */
const lossy: FaultSource = (broker, random) => ({
  strike: () => {
    const lost = random() < 0.2 ? broker.queues().map(({ name }) => broker.purge(name)) : [];
    const count = lost.reduce((sum, one) => sum + one, 0);
    return count > 0 ? `lost ${count} messages` : undefined;
  },
  end: () => undefined,
});

describe('underFaults', function () {
  this.timeout(120_000);

  it('passes handlers that keep every promise while connections break', async () => {
    const report = await underFaults({ seeds: 5, register, scenario });

    expect(report).to.include({ seeds: 5, confirmed: 75 });
    expect(report.faults).to.be.greaterThan(0);
    expect(report.settled).to.be.at.least(75);
  });

  it('passes them while frames of the protocol are struck, in every way', async () => {
    const kinds = new Set<string>();
    const report = await underFaults({
      seeds: 8,
      register,
      scenario,
      faults: frameFaults({ likelihood: 0.03 }),
      check: ({ history }) => {
        for (const line of history) {
          const [, kind] = /^FAULT: (\S+) at step/u.exec(line) ?? [];
          if (kind !== undefined) kinds.add(kind);
        }
      },
    });

    expect(report).to.include({ seeds: 8, confirmed: 120 });
    expect([...kinds]).to.have.members([
      'drop',
      'close-connection',
      'close-channel',
      'cancel-consumers',
      'time-out-consumers',
    ]);
  });

  it('follows what is delayed and what is tried again to its end', async () => {
    const ends = new Set<string>();
    await underFaults({
      seeds: 2,
      register: (worker) => {
        worker.task(
          'flaky',
          (name: string) => {
            const { attempt } = currentTask() as TaskContext;
            if (attempt < 3) throw new Error('not yet');
            ends.add(name);
          },
          { retry: { max: 2, backoff: 'fixed', delay: '1s' } },
        );
      },
      scenario: async ({ publisher, seed }) => {
        for (let n = 0; n < 5; n++) {
          await publisher.send('flaky', [`${seed} now ${n}`]);
          await publisher.send('flaky', [`${seed} later ${n}`], { delay: 1 });
        }
      },
    });

    expect(ends.size).to.equal(20);
  });

  it('finds a confirmed message that was lost, and names seed and history', async () => {
    // Nothing is consumed while it is sent, so that there is something to lose.
    const error = await rejection(
      underFaults({
        seeds: [3],
        register,
        faults: lossy,
        scenario: ({ publisher }) =>
          publisher.sendMany(
            'count',
            Array.from({ length: 200 }, (_, index) => [index]),
          ),
      }),
    );

    expect(error).to.be.instanceOf(AssertionError);
    expect(error.message).to.match(
      /^Under the faults of seed 3:\n {2}'count' \S+ was confirmed, and neither ran to its end/u,
    );
    expect(error.message).to.match(/\n +\d+ FAULT: lost \d+ messages\n/u);
    expect(error.message).to.match(/Run it again with \{ seeds: \[3\] \}\.$/u);
  });

  it('strikes at the same steps for the same seed, and at others for another', () => {
    const struckAt = (seed: number): readonly number[] => {
      const connections = [{ name: 'a', destroy: () => undefined }];
      let state = seed;
      const random = (): number => (state = (state * 16807) % 2147483647) / 2147483647;
      const faults = lostConnections({ likelihood: 0.3 })({ connections } as never, random);
      return Array.from({ length: 50 }, (_, step) => step).filter(() => faults.strike() !== undefined);
    };

    expect(struckAt(12345)).to.deep.equal(struckAt(12345));
    expect(struckAt(12345)).not.to.deep.equal(struckAt(54321));
  });

  it('gives a scenario dice that follow from the seed', async () => {
    const drawn: number[] = [];
    const draw = ({ random, seed, publisher }: FaultTools): Promise<unknown> => {
      drawn.push(seed, random());
      return publisher.send('count');
    };

    await underFaults({ seeds: [7, 7, 8], register, scenario: draw });

    expect(drawn.slice(0, 2)).to.deep.equal(drawn.slice(2, 4));
    expect(drawn[5]).not.to.equal(drawn[1]);
  });

  it('fails a seed whose scenario rejects, or whose check does', async () => {
    const boom = new Error('boom');

    const failed = await rejection(
      underFaults({ seeds: [1], register, scenario: () => Promise.reject(boom) }),
    );
    const unchecked = await rejection(
      underFaults({
        seeds: [1],
        register,
        scenario,
        check: ({ deadLetters }) => expect(deadLetters).to.deep.equal([]),
      }),
    );

    expect(failed.message).to.include('the scenario failed: boom');
    expect(failed.cause).to.equal(boom);
    expect(unchecked.message).to.include('the check failed: expected [');
  });

  it('finds a handler that does not stop', async () => {
    const error = await rejection(
      underFaults({
        seeds: [1],
        register: (worker) => worker.task('stuck', () => new Promise(() => undefined)),
        scenario: ({ publisher }) => publisher.send('stuck'),
        endWithin: '50ms',
        stopWithin: '50ms',
      }),
    );

    expect(error.message).to.include('what was left did not come to an end');
    expect(error.message).to.include('the worker did not stop within 0.05 s');
  });

  it('knows the words with which a broker refuses a second settlement', () => {
    const closed = (code: number, text: string): CeleriacError =>
      new CeleriacError('ERR_CHANNEL_CLOSED', { message: text, values: { code } });

    expect(
      isRefusedSettlement({ error: closed(406, 'PRECONDITION_FAILED - unknown delivery tag 7') }),
    ).to.equal(true);
    expect(
      isRefusedSettlement({ error: closed(406, 'PRECONDITION_FAILED - delivery acknowledgement timed out') }),
    ).to.equal(false);
    expect(isRefusedSettlement({ error: closed(404, 'NOT_FOUND - no queue') })).to.equal(false);
    expect(isRefusedSettlement({})).to.equal(false);
  });

  it('refuses to run without a seed', async () => {
    const error = await rejection(underFaults({ seeds: 0, register, scenario }));

    expect(isCeleriacError(error, 'ERR_INPUT_INVALID')).to.equal(true);
  });
});
