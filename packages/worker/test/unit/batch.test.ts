/** When a batch is handled, and what becomes of each message in it. No delivery is involved. */
import { Checkpoint, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { type BatchContext, Batcher, checkBatchOptions } from '../../dist/batch.js';
import { Cancellation } from '../../dist/cancellation.js';
import { ManualClock } from '../../../core/dist-test/support/manual-clock.js';

type Handler = (inputs: readonly string[], batch: BatchContext<string>) => unknown;

describe('a batch', () => {
  let clock: ManualClock;
  let stopping: AbortController;
  let handled: string[][];
  beforeEach(() => {
    clock = new ManualClock();
    stopping = new AbortController();
    handled = [];
  });

  const open = (handler: Handler = () => undefined, size = 3): Batcher<string, string> =>
    new Batcher(
      { size, wait: '1s' },
      (inputs: readonly string[], batch: BatchContext<string>) => {
        handled.push([...inputs]);
        return handler(inputs, batch);
      },
      { name: 'b', clock, logger: silentLogger, stopping: stopping.signal },
    );
  const add = (batcher: Batcher<string, string>, input: string, cancellation = new Cancellation()) =>
    batcher.add(input, `context of ${input}`, cancellation).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
  const settle = async (): Promise<void> => {
    for (let n = 0; n < 20; n++) await Promise.resolve();
  };

  it('is handled when there are enough, and the rest when the first of them has waited long enough', async () => {
    const batcher = open();
    const all = ['a', 'b', 'c', 'd'].map((input) => add(batcher, input));
    await settle();
    expect(handled).to.deep.equal([['a', 'b', 'c']]);
    await clock.advance(999);
    expect(handled).to.have.length(1);
    await clock.advance(1);
    expect(handled).to.deep.equal([['a', 'b', 'c'], ['d']]);
    expect(await Promise.all(all)).to.deep.equal(Array.from({ length: 4 }, () => ({ value: undefined })));
    expect(clock.timers).to.equal(0);
  });

  it('is handled at once, however small, when the worker stops', async () => {
    const batcher = open();
    const first = add(batcher, 'a');
    stopping.abort();
    await first;
    await add(batcher, 'b');
    expect(handled).to.deep.equal([['a'], ['b']]);
  });

  it('gives each message its own fate, and the results of a list that is as long', async () => {
    const failure = new Error('no');
    const batcher = open((_inputs, batch) => {
      batch.fail(1, failure);
      batch.done(2, 'early');
      return [1, 2, 3];
    });
    const all = ['a', 'b', 'c'].map((input) => add(batcher, input));
    expect(await Promise.all(all)).to.deep.equal([{ value: 1 }, { error: failure }, { value: 'early' }]);
  });

  it('fails what is not done yet when its handler throws, and takes no checkpoint for one', async () => {
    const failure = new Error('all');
    const batcher = open((inputs, batch) => {
      batch.done(0);
      throw inputs[1] === 'b' ? failure : new Checkpoint(1);
    });
    const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((input) => add(batcher, input));
    const [a, b, c, d, e] = await Promise.all(all);
    expect([a, b, c]).to.deep.equal([{ value: undefined }, { error: failure }, { error: failure }]);
    expect(d).to.deep.equal({ value: undefined });
    expect(e).to.have.nested.property('error.code', 'ERR_WORKER_STATE');
  });

  it('is left by a message that is lost while it waits', async () => {
    const batcher = open();
    const lost = new Cancellation();
    const gone = add(batcher, 'a', lost);
    const reason = new Error('lost');
    lost.cancel('lost', reason);
    expect(await gone).to.deep.equal({ error: reason });
    await Promise.all(['b', 'c', 'd'].map((input) => add(batcher, input)));
    expect(handled).to.deep.equal([['b', 'c', 'd']]);
  });

  it('is told to stop by a limit, and by the loss of all deliveries, not of one', async () => {
    const cancellations = [new Cancellation(), new Cancellation(), new Cancellation()];
    let seen: AbortSignal | undefined;
    const batcher = open(
      (_inputs, { signal }) =>
        new Promise((_resolve, reject) => {
          seen = signal;
          signal.addEventListener('abort', () => reject(new Error('heeded')));
        }),
    );
    const all = cancellations.map((one, index) => add(batcher, String(index), one));
    await settle();
    cancellations[0]?.cancel('lost', new Error('lost'));
    expect(seen?.aborted).to.equal(false);
    cancellations[1]?.cancel('deadline', new Error('late'));
    expect(seen?.aborted).to.equal(true);
    await Promise.all(all);
    expect(cancellations.map(({ by }) => by)).to.deep.equal(['lost', 'deadline', 'deadline']);
  });

  it('waits for the one before it', async () => {
    let finish: () => void = () => undefined;
    const batcher = open(() => new Promise<void>((resolve) => (finish = resolve)), 1);
    const all = [add(batcher, 'a'), add(batcher, 'b')];
    await settle();
    expect(handled).to.deep.equal([['a']]);
    finish();
    await settle();
    expect(handled).to.deep.equal([['a'], ['b']]);
    finish();
    await Promise.all(all);
  });

  it('has a size and a time', () => {
    for (const [size, wait] of [
      [0, '1s'],
      [1.5, '1s'],
      [70_000, '1s'],
      [1, 0],
    ] as const) {
      expect(() => checkBatchOptions({ size, wait }))
        .to.throw()
        .with.property('code', 'ERR_CONTRACT_INVALID');
    }
  });
});
