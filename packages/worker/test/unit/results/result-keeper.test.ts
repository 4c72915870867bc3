/** What is told of endings, and when an ending counts as kept. A writer that fails on demand; no broker, no Redis. */
import {
  CeleriacError,
  type NewResult,
  type ResultTarget,
  type ResultWriter,
  Retry,
  silentLogger,
} from '@celeriac/core';
import type { Outcome, Verdict } from '@celeriac/core';
import { expect } from 'chai';

import { TaskHandlers } from '../../../dist/handlers.js';
import { ResultKeeper } from '../../../dist/results/result-keeper.js';
import { resultOf } from '../../../dist/results/result-of.js';
import { ManualClock, settled } from '../../../../core/dist-test/support/manual-clock.js';
import { Bench } from '../../support/fakes.js';

const boom = new Error('boom');
const dead = (reason: 'failed' | 'expired' | 'unknown'): Verdict => {
  return { kind: 'deadLetter', reason, error: boom };
};

describe('what is told of an ending', () => {
  const succeeded: Outcome = { kind: 'succeeded', value: 3 };
  const failed: Outcome = { kind: 'failed', error: boom };
  const retry: Verdict = { kind: 'retry', delayMs: 1, attempt: 1, of: 3, error: boom };
  const table: readonly (readonly [string, Outcome, Verdict, NewResult | undefined])[] = [
    ['success', succeeded, { kind: 'ack' }, { status: 'SUCCESS', value: 3 }],
    [
      'a value that could not leave its thread',
      { ...succeeded, valueError: boom },
      { kind: 'ack' },
      { status: 'FAILURE', error: boom },
    ],
    ['a failure that is tried again', failed, retry, { status: 'RETRY', error: boom, children: ['id'] }],
    [
      'a retry that was asked for, with its cause',
      failed,
      { ...retry, error: new Retry({ reason: 'later', cause: boom }) },
      { status: 'RETRY', error: boom, children: ['id'] },
    ],
    ['a dead letter', failed, dead('failed'), { status: 'FAILURE', error: boom }],
    [
      'an unknown task',
      { kind: 'unknown', error: boom },
      dead('unknown'),
      { status: 'FAILURE', error: boom },
    ],
    [
      'an expired task',
      { kind: 'expired', error: boom },
      dead('expired'),
      { status: 'REVOKED', error: boom },
    ],
    ['a task that goes back', succeeded, { kind: 'requeue', countsAsFailure: false }, undefined],
    ['a task whose channel is gone', succeeded, { kind: 'abandon' }, undefined],
    ['a task that waits', { kind: 'tooEarly', eta: 1 }, { kind: 'postpone', until: 1 }, undefined],
    [
      'a cancelled task',
      { kind: 'revoked', error: boom, terminated: false },
      { kind: 'ack' },
      { status: 'REVOKED', error: boom },
    ],
    ['a task that ran before', { kind: 'repeated', because: 'done' }, { kind: 'ack' }, undefined],
    [
      'a message that nobody vouches for, whatever its id',
      { kind: 'untrusted', error: boom, problem: 'bad-signature' },
      dead('failed'),
      undefined,
    ],
    ['an acknowledgement without a run', { kind: 'notStarted' }, { kind: 'ack' }, undefined],
  ];
  for (const [name, outcome, verdict, expected] of table) {
    it(`of ${name}`, () => expect(resultOf(outcome, verdict, 'id')).to.deep.equal(expected));
  }
});

it('what is told of a task that a later one replaced is that it was revoked', () => {
  const told = resultOf({ kind: 'superseded' }, { kind: 'ack' }, 'id');
  expect(told?.status).to.equal('REVOKED');
  expect(told).to.have.nested.property('error.code', 'ERR_TASK_REVOKED');
});

describe('keeping a result', () => {
  const down = new CeleriacError('ERR_REDIS_UNAVAILABLE', { message: 'down' });
  let bench: Bench;
  let clock: ManualClock;
  let written: NewResult[];
  /** What the next writes reject with. */
  let failures: unknown[];
  let halted: AbortController;

  const writer: ResultWriter = {
    accepts: ({ replyTo }) => replyTo !== 'nobody',
    write: (_target, result) => {
      const failure = failures.shift();
      if (failure !== undefined) return Promise.reject(failure);
      written.push(result);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };

  beforeEach(() => {
    bench = new Bench();
    clock = new ManualClock();
    written = [];
    failures = [];
    halted = new AbortController();
  });

  const keeper = (config = {}): ResultKeeper =>
    new ResultKeeper({
      writer,
      config: { result_required: true, track_started: true, ignore_result: false, ...config } as never,
      tasks: new TaskHandlers(),
      logger: silentLogger,
      clock,
      halted: halted.signal,
      worker: 'w',
    });
  const target: ResultTarget = { id: 'x', name: 't' };
  const ending = (value: unknown = 3) => {
    const verdict: Verdict = { kind: 'ack' };
    return { target, delivery: bench.delivery(), outcome: { kind: 'succeeded', value } as const, verdict };
  };

  it('tries on for as long as the store is down, and is true when it is kept', async () => {
    failures = Array.from({ length: 20 }, () => down);
    const kept = keeper().ended(ending());
    for (let step = 0; step < 40; step++) await clock.advance(5_000);
    expect(await kept).to.equal(true);
    expect(written).to.deep.equal([{ status: 'SUCCESS', value: 3 }]);
  });

  it('is false when the worker has to end before', async () => {
    failures = Array.from({ length: 100 }, () => down);
    const kept = keeper().ended(ending());
    await settled();
    halted.abort();
    await settled();
    expect(await kept).to.equal(false);
    expect(written).to.deep.equal([]);
  });

  it('gives up after a while where the result is not required', async () => {
    failures = Array.from({ length: 1000 }, () => down);
    const kept = keeper({ result_required: false }).ended(ending());
    for (let step = 0; step < 10; step++) await clock.advance(5_000);
    expect(await kept).to.equal(true);
    expect(written).to.deep.equal([]);
  });

  it('tells a failure of a value that cannot be kept, once', async () => {
    const unfit = new CeleriacError('ERR_NOT_SERIALIZABLE', { message: 'no' });
    failures = [unfit];
    expect(await keeper().ended(ending())).to.equal(true);
    expect(written).to.deep.equal([{ status: 'FAILURE', error: unfit }]);
    failures = [unfit, unfit];
    expect(await keeper().ended(ending())).to.equal(true);
    expect(written).to.have.length(1);
  });

  it('writes STARTED, the last of what was told at once, and the end after them, with the children', async () => {
    const results = keeper();
    const { delivery, ...end } = ending();
    results.started(target, delivery);
    for (const value of [1, 2, 3]) results.progress('x', value);
    results.sent('x', 'child');
    results.progress('stranger', 1);
    expect(await results.ended({ ...end, delivery })).to.equal(true);
    results.progress('x', 'too late');
    await settled();
    expect(written.map(({ status }) => status)).to.deep.equal(['STARTED', 'SUCCESS']);
    expect(written.at(-1)).to.deep.equal({ status: 'SUCCESS', value: 3, children: ['child'] });
  });

  it('keeps progress that there is time for', async () => {
    const results = keeper({ track_started: false });
    results.started(target, bench.delivery());
    results.progress('x', 50);
    await settled();
    expect(written).to.deep.equal([{ status: 'PROGRESS', value: 50, isReady: false }]);
  });

  it('writes nothing of what is ignored: the sender decides, then the configuration; errors may be kept', async () => {
    const ignored = { ...ending(), target: { ...target, ignoreResult: true } };
    const failed = { ...ignored, outcome: { kind: 'failed', error: boom } as const, verdict: dead('failed') };
    await keeper().ended(ignored);
    await keeper().ended(failed);
    await keeper({ ignore_result: true }).ended(ending());
    await keeper().ended({ ...ending(), target: { ...target, replyTo: 'nobody' } });
    expect(written).to.deep.equal([]);
    await keeper({ ignore_result: true }).ended({ ...ending(), target: { ...target, ignoreResult: false } });
    await keeper({ store_errors_even_if_ignored: true }).ended(failed);
    expect(written.map(({ status }) => status)).to.deep.equal(['SUCCESS', 'FAILURE']);
  });
});
