/** Gates between work and its handler: who is asked when, and what a refusal, an ending and a fault do. No broker. */
import { expect } from 'chai';

import { dispatch } from '../../dist/dispatch.js';
import type { DispatchParts } from '../../dist/dispatch-parts.js';
import type { Gate } from '../../dist/gate.js';
import type { Prepared, Work } from '../../dist/work.js';
import { Bench, noRetries } from '../support/fakes.js';

describe('a gate', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  const work = (more: Partial<Work> = {}): Prepared => ({
    work: { id: '1', name: 'a', retries: 0, policy: noRetries, input: [], run: () => undefined, ...more },
  });
  const parts = (gates: readonly Gate[], more: Partial<Work> = {}): DispatchParts => ({
    ...bench.parts(() => work(more)),
    gates,
  });
  const noting = (name: string): Gate => ({
    name,
    admit: () => {
      bench.calls.push(`${name} admits`);
      return {
        pass: {
          ended: ({ outcome, verdict }) =>
            void bench.calls.push(`${name}: ${outcome.kind} and ${verdict.kind}`),
          settled: ({ kind }) => void bench.calls.push(`${name}: settled with ${kind}`),
        },
      };
    },
  });

  it('is asked before the handler runs, hears of the ending before it is settled, and of the settlement', async () => {
    await dispatch(bench.delivery(), parts([noting('first'), noting('second')]));
    expect(bench.calls).to.deep.equal([
      'first admits',
      'second admits',
      'started',
      'second: succeeded and ack',
      'first: succeeded and ack',
      'ack',
      'second: settled with ack',
      'first: settled with ack',
    ]);
  });

  it('that refuses ends the work without running it; those before it hear of that, those after it of nothing', async () => {
    const until = bench.clock.now() + 60_000;
    const refusing: Gate = {
      name: 'limit',
      admit: () => Promise.resolve({ outcome: { kind: 'deferred', until, because: 'limit' } }),
    };
    await dispatch(bench.delivery(), parts([noting('first'), refusing, noting('last')]));
    expect(bench.calls).to.deep.equal([
      'first admits',
      'first: deferred and postpone',
      'publish',
      'ack',
      'first: settled with postpone',
    ]);
    expect(bench.outcomes).to.deep.equal(['deferred']);
  });

  it('hears of a copy when it is confirmed, before the original is acknowledged, whatever comes of hearing it', async () => {
    const keeping: Gate = {
      name: 'keeping',
      admit: () => ({
        pass: { copied: ({ kind }) => void bench.calls.push(`copied as ${kind}`) },
      }),
    };
    const failing: Gate = {
      name: 'failing',
      admit: () => ({ pass: { copied: () => Promise.reject(new Error('no')) } }),
    };
    const run = (): never => {
      throw new Error('boom');
    };
    await dispatch(bench.delivery(), parts([keeping, failing], { run }));
    expect(bench.calls).to.deep.equal(['started', 'publish', 'copied as deadLetter', 'ack']);
  });

  it('gives the handler its fencing number', async () => {
    const numbering: Gate = { name: 'numbering', admit: () => Promise.resolve({ pass: { fencing: 7 } }) };
    const seen: unknown[] = [];
    await dispatch(
      bench.delivery(),
      parts([numbering], { run: (_cancellation, fencing) => void seen.push(fencing) }),
    );
    expect(seen).to.deep.equal([7]);
  });

  it('that fails lets the work run', async () => {
    const failing: Gate = {
      name: 'broken',
      admit: () => {
        throw new Error('no');
      },
    };
    const careless: Gate = {
      name: 'careless',
      admit: () => ({
        pass: {
          ended: () => Promise.reject(new Error('no')),
          settled: () => {
            throw new Error('no');
          },
        },
      }),
    };
    await dispatch(bench.delivery(), parts([failing, careless]));
    expect(bench.calls).to.deep.equal(['started', 'ack']);
  });

  it('that takes its time does not let work start that is no longer ours', async () => {
    const delivery = bench.delivery();
    const slow: Gate = {
      name: 'slow',
      admit: () => {
        delivery.lose();
        return Promise.resolve(undefined);
      },
    };
    await dispatch(delivery, parts([slow]));
    expect(bench.outcomes).to.deep.equal(['notStarted']);
    expect(bench.calls).to.deep.equal([]);
  });

  it('that is idle is not asked', async () => {
    let asked = 0;
    const admit = (): undefined => {
      asked++;
      return undefined;
    };
    const idle: Gate = { name: 'idle', isIdle: true, admit };
    await dispatch(bench.delivery(), parts([idle]));
    expect(bench.calls).to.deep.equal(['started', 'ack']);
    expect(asked).to.equal(0);
  });
});
