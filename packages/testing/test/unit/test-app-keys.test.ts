/** Tasks and events with keys in a test app: once, unique, debounced, by a clock that the test moves. */
import { expect } from 'chai';

import { defineTask } from '@celeriac/core';
import type { Worker } from '@celeriac/worker';

import { testApp, virtualClock } from '../../dist/index.js';

const pay = defineTask({
  name: 'pay',
  input: {
    type: 'object',
    properties: { order: { type: 'string' }, amount: { type: 'integer' } },
    required: ['order'],
  },
  idempotency: { key: 'order', window: '1h' },
  retry: { max: 1, delay: '10s', backoff: 'fixed' },
});
const index = defineTask({
  name: 'index',
  input: { type: 'object', properties: { page: { type: 'string' }, text: { type: 'string' } } },
  debounce: { key: (input) => input.page ?? '', wait: '5s', maxWait: '12s' },
});

function noting(task: { readonly name: string } | string) {
  const ran: unknown[] = [];
  const register = (worker: Worker): void => {
    worker.task(task as string, (input: unknown) => void ran.push(input));
  };
  return { ran, register };
}

describe('a task with an idempotency key in a test app', () => {
  it('runs once for a key within its window, and again after it', async () => {
    const clock = virtualClock();
    const { ran, register } = noting(pay);
    await using app = await testApp({ clock, register });

    (await app.run(pay, { order: '7', amount: 1 })).expectSucceeded();
    const repeat = await app.run(pay, { order: '7', amount: 2 });
    (await app.run(pay, { order: '8' })).expectSucceeded();
    await clock.advance('61m');
    (await app.run(pay, { order: '7', amount: 3 })).expectSucceeded();

    expect(repeat).to.include({ status: 'repeated', settled: 'acked' });
    expect(ran).to.deep.equal([{ order: '7', amount: 1 }, { order: '8' }, { order: '7', amount: 3 }]);
  });

  it('runs again after it failed, with a higher fencing number, and is done only when it succeeded', async () => {
    const clock = virtualClock();
    const fencing: (number | undefined)[] = [];
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task(pay, (_input, ctx) => {
          fencing.push(ctx.fencing);
          if (fencing.length === 1) throw new Error('the bank is closed');
        }),
    });

    (await app.run(pay, { order: '7' })).expectRetried();
    await clock.advance('11s');
    const [second] = await app.drain();
    const third = await app.run(pay, { order: '7' });

    second?.expectSucceeded();
    expect(third.status).to.equal('repeated');
    expect(fencing).to.have.length(2);
    expect(fencing[1]).to.be.greaterThan(fencing[0] ?? Infinity);
  });

  it('does not make an attempt again that goes on in a copy', async () => {
    const clock = virtualClock();
    let runs = 0;
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task(
          'flaky',
          () => {
            runs++;
            throw new Error('no');
          },
          { idempotency: {}, retry: { max: 2, delay: '10s' } },
        ),
    });

    const message = { headers: { task: 'flaky', id: 'one' }, body: '[[], {}, {}]' };

    (await app.deliver(message)).expectRetried();
    // Its acknowledgement was lost, so the broker delivers it once more.
    const original = await app.deliver({ ...message, redelivered: true });

    expect(original).to.include({ status: 'repeated', settled: 'acked' });
    expect(runs).to.equal(1);
  });

  it('takes the key of a single send, and its window, over all others', async () => {
    const { ran, register } = noting(pay);
    await using app = await testApp({ register });

    await app.run(pay, { order: '1' }, { idempotency: { key: 'mine' } });
    const other = await app.run(pay, { order: '2' }, { idempotency: { key: 'mine' } });

    expect(other.status).to.equal('repeated');
    expect(ran).to.have.length(1);
  });

  it('keeps to the id of the message where no key can be made of its input', async () => {
    let runs = 0;
    await using app = await testApp({
      register: (worker) =>
        worker.task('bare', () => ++runs, {
          idempotency: {
            key: () => {
              throw new Error('a bug');
            },
          },
        }),
    });

    (await app.run('bare', [1], { id: 'one' })).expectSucceeded();
    const repeat = await app.run('bare', [1], { id: 'one' });

    expect(repeat.status).to.equal('repeated');
    expect(runs).to.equal(1);
  });

  it('is known to an event by application, source and id', async () => {
    const ran: string[] = [];
    await using app = await testApp({
      register: (worker) => {
        worker
          .application('once', { idempotency: {} })
          .on(
            '#',
            (event, ctx) => void ran.push(`once ${String(event.data)} ${String(ctx.fencing !== undefined)}`),
          );
        worker.application('each').on('#', (event) => void ran.push(`each ${String(event.data)}`));
      },
    });

    await app.publishEvent('a.b', 1, { id: 'one' });
    const second = await app.publishEvent('a.b', 2, { id: 'one' });

    expect(second.of('once').status).to.equal('repeated');
    expect(ran.sort()).to.deep.equal(['each 1', 'each 2', 'once 1 true']);
  });
});

describe('a unique task in a test app', () => {
  it('is not sent while one waits; the receipt names that one', async () => {
    const { ran, register } = noting('report');
    await using app = await testApp({ register });
    const unique = { key: 'daily', while: 'queued' } as const;

    const first = await app.publisher.send('report', ['a'], { unique });
    const second = await app.publisher.send('report', ['b'], { unique });
    await app.drain();
    const third = await app.publisher.send('report', ['c'], { unique });
    await app.drain();

    expect(first.duplicateOf).to.equal(undefined);
    expect(second).to.include({ id: first.id, duplicateOf: first.id });
    expect(third.duplicateOf).to.equal(undefined);
    expect(ran).to.deep.equal(['a', 'c']);
  });

  it('has the whole input as its key where none is named, in whatever order its properties stand', async () => {
    const { register } = noting('report');
    await using app = await testApp({ register });
    const unique = { while: 'queued' } as const;

    await app.publisher.send('report', { a: 1, b: 2 }, { unique });
    const same = await app.publisher.send('report', { b: 2, a: 1 }, { unique });
    const other = await app.publisher.send('report', { a: 1, b: 3 }, { unique });

    expect(same.duplicateOf).to.be.a('string');
    expect(other.duplicateOf).to.equal(undefined);
  });

  it('until it has ended is not sent from within itself, nor while it waits for its next attempt', async () => {
    const clock = virtualClock();
    const receipts: boolean[] = [];
    const sync = defineTask({
      name: 'sync',
      unique: { key: () => 'all', while: 'queued-or-running' },
      retry: { max: 1, delay: '1m', backoff: 'fixed' },
    });
    let runs = 0;
    await using app = await testApp({
      clock,
      register: (worker) =>
        worker.task(sync, async (_input, ctx) => {
          const sent = await ctx.tasks.send(sync, undefined);
          receipts.push(sent.duplicateOf === ctx.id);
          if (runs++ === 0) throw new Error('again');
        }),
    });

    await app.publisher.send(sync, undefined);
    await app.drain();
    const meanwhile = await app.publisher.send(sync, undefined);
    await clock.advance('61s');
    await app.drain();
    const after = await app.publisher.send(sync, undefined);

    expect(receipts).to.deep.equal([true, true]);
    expect(meanwhile.duplicateOf).to.be.a('string');
    expect(after.duplicateOf).to.equal(undefined);
  });

  it('is sent again when its time is over, and at once when the first could not be sent', async () => {
    const clock = virtualClock();
    const { register } = noting('report');
    await using app = await testApp({ clock, register });
    const unique = { key: 'k', while: 'ttl', ttl: '10s' } as const;

    app.failNext('ERR_PUBLISH_NACKED');
    const failed: unknown = await app.publisher
      .send('report', [], { unique })
      .catch((error: unknown) => error);
    const first = await app.publisher.send('report', [], { unique });
    await app.drain();
    const early = await app.publisher.send('report', [], { unique });
    await clock.advance('11s');
    const late = await app.publisher.send('report', [], { unique });

    expect(failed).to.be.instanceOf(Error);
    expect(first.duplicateOf).to.equal(undefined);
    expect(early.duplicateOf).to.equal(first.id);
    expect(late.duplicateOf).to.equal(undefined);
  });

  it('that replaces is the one that runs; what it replaced is acknowledged', async () => {
    const { ran, register } = noting('report');
    await using app = await testApp({ register });
    const unique = { key: 'k', while: 'queued', on: 'replace' } as const;

    await app.publisher.send('report', ['old'], { unique });
    await app.publisher.send('report', ['new'], { unique });
    const results = await app.drain();

    expect(results.map(({ status }) => status)).to.deep.equal(['superseded', 'succeeded']);
    expect(ran).to.deep.equal(['new']);
  });
});

describe('a debounced task in a test app', () => {
  it('runs with the last input, once none has come for a while', async () => {
    const clock = virtualClock();
    const { ran, register } = noting(index);
    await using app = await testApp({ clock, register });

    await app.publisher.send(index, { page: 'a', text: '1' });
    await clock.advance('3s');
    await app.publisher.send(index, { page: 'a', text: '2' });
    await app.publisher.send(index, { page: 'b', text: '3' });
    await clock.advance('4s');
    await app.drain();
    expect(ran).to.deep.equal([]);
    await clock.advance('2s');
    await app.drain();

    expect(ran).to.have.deep.members([
      { page: 'a', text: '2' },
      { page: 'b', text: '3' },
    ]);
  });

  it('does not wait for longer than it may, however many come', async () => {
    const clock = virtualClock();
    const { ran, register } = noting(index);
    await using app = await testApp({ clock, register });

    for (let n = 0; n < 5; n++) {
      await app.publisher.send(index, { page: 'a', text: String(n) });
      await app.drain();
      await clock.advance('3s');
    }
    await app.drain();

    // Sent at 0, 3, 6, 9 and 12 s: the fourth is due at 12, and so is the fifth.
    expect(ran.at(0)).to.deep.equal({ page: 'a', text: '4' });
    expect(ran).to.have.length(1);
  });

  it('refuses a delay beside its own', async () => {
    const { register } = noting(index);
    await using app = await testApp({ register });

    const sending = app.publisher.send(index, { page: 'a' }, { delay: '1s' });
    const error: unknown = await sending.catch((thrown: unknown) => thrown);

    expect((error as { code?: string }).code).to.equal('ERR_INPUT_INVALID');
  });
});
