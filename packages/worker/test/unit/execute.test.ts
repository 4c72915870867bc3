/** How a handler may end, and what its soft time limit does. No delivery is involved. */
import { type Outcome, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { Cancellation } from '../../dist/cancellation.js';
import { execute } from '../../dist/execute.js';
import type { Work } from '../../dist/work.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';

describe('execute', () => {
  let clock: ManualClock;
  let cancellation: Cancellation;
  beforeEach(() => {
    clock = new ManualClock();
    cancellation = new Cancellation();
  });

  const run = (handler: Work['run'], softLimitMs?: number): Promise<Outcome> =>
    execute({ id: '1', name: 'a', run: handler, softLimitMs }, cancellation, { clock, logger: silentLogger });

  it('gives the value of a handler that returns one', async () => {
    expect(await run(() => 7)).to.deep.equal({ kind: 'succeeded', value: 7 });
  });

  it('turns a synchronous throw into a failure', async () => {
    const error = new Error('sync');
    const outcome = await run(() => {
      throw error;
    });
    expect(outcome).to.deep.equal({ kind: 'failed', error });
  });

  it('turns a rejection into a failure', async () => {
    const error = new Error('async');
    expect(await run(() => Promise.reject(error))).to.deep.equal({ kind: 'failed', error });
  });

  it('takes a thrown undefined for a failure', async () => {
    const outcome = await run(() => Promise.reject(undefined));
    expect(outcome).to.deep.equal({ kind: 'failed', error: undefined });
  });

  it('calls a handler that throws on its soft limit timed out, and not before the limit', async () => {
    const ending = run(
      ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        }),
      1000,
    );
    await clock.advance(999);
    expect(cancellation.by).to.equal(undefined);
    await clock.advance(1);
    const outcome = await ending;
    expect(outcome).to.include({ kind: 'timedOut', limitMs: 1000 });
    expect(outcome).to.have.nested.property('error.code', 'ERR_SOFT_TIME_LIMIT');
  });

  it('calls a handler that finishes after its soft limit succeeded', async () => {
    const ending = run(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve('cleaned up'));
        }),
      1000,
    );
    await clock.advance(1000);
    expect(await ending).to.deep.equal({ kind: 'succeeded', value: 'cleaned up' });
  });

  it('leaves no timer behind, however the handler ends', async () => {
    await run(() => 1, 1000);
    await run(() => Promise.reject(new Error('x')), 1000);
    expect(clock.timers).to.equal(0);
  });

  for (const by of ['shutdown', 'lost'] as const) {
    it(`calls a handler that throws after ${by} aborted`, async () => {
      const error = new Error('stopped');
      const outcome = await run(() => {
        cancellation.cancel(by, error);
        throw error;
      });
      expect(outcome).to.deep.equal({ kind: 'aborted', error, by });
    });
  }
});

describe('Cancellation', () => {
  it('keeps the first reason when cancelled twice', () => {
    const cancellation = new Cancellation();
    cancellation.cancel('deadline', 'first');
    cancellation.cancel('lost', 'second');
    expect(cancellation.by).to.equal('deadline');
    expect(cancellation.signal.reason).to.equal('first');
  });

  it('aborts a signal that was asked for before', () => {
    const cancellation = new Cancellation();
    const { signal } = cancellation;
    expect(signal.aborted).to.equal(false);
    cancellation.cancel('shutdown', 'why');
    expect(signal.aborted).to.equal(true);
  });
});
