/** Handlers run without a network: every ending, what is settled, what the result says. */
import { AssertionError } from 'node:assert';

import { isCeleriacError } from '@celeriac/core';
import { currentTask } from '@celeriac/worker';
import { expect } from 'chai';

import { testApp } from '../../dist/index.js';
import { charge, mail, register } from '../support/billing.js';
import { rejection } from '../support/failures.js';

describe('testApp', () => {
  it('gives what the handler returned, typed, and acknowledges', async () => {
    await using app = await testApp({ register });

    const result = await app.run(charge, { orderId: '7', amount: 1 });

    const value: string = result.expectSucceeded();
    expect(value).to.equal('charged 7');
    expect(result).to.include({
      name: 'billing.charge',
      queue: 'celeriac',
      status: 'succeeded',
      settled: 'acked',
    });
    expect(result.deadLetter).to.equal(undefined);
  });

  it('needs no store where the configuration names one', async () => {
    const tasks = { result_backend: 'redis://127.0.0.1:1/0' };
    await using app = await testApp({ register, config: { tasks } });
    expect((await app.run(charge, { orderId: '7', amount: 1 })).status).to.equal('succeeded');
  });

  it('dead-letters what throws, with the error as it was thrown', async () => {
    await using app = await testApp({ register });

    const result = await app.run(charge, { orderId: '7', amount: -1 });

    expect(result).to.include({ status: 'failed', settled: 'dead-lettered' });
    expect(result.expectDeadLettered('failed')).to.be.instanceOf(RangeError);
    expect(result.deadLetter).to.include({ queue: 'celeriac.dead-letter', reason: 'failed' });
    expect(result.deadLetter?.headers['celeriac-error']).to.equal('an amount is positive');
  });

  it('rejects an input that breaks the contract as the sender would', async () => {
    await using app = await testApp({ register });

    const error = await rejection(app.run(charge, { orderId: '7' } as never));

    expect(isCeleriacError(error, 'ERR_INPUT_INVALID')).to.equal(true);
  });

  it('dead-letters an input that only the receiver can check', async () => {
    await using app = await testApp({ register });

    const result = await app.run('billing.charge', { orderId: '7' });

    result.expectDeadLettered('invalid');
  });

  it('dead-letters a task that nobody registered', async () => {
    await using app = await testApp({ register });

    const result = await app.run('billing.charg', {});

    result.expectDeadLettered('unknown');
    expect((result.error as Error).message).to.include("Nearest: 'billing.charge'");
  });

  it('dead-letters a message that cannot be read, and says why', async () => {
    await using app = await testApp({ register });

    const result = await app.deliver({ body: '{', headers: { task: 'billing.charge', id: '1' } });

    result.expectDeadLettered('malformed');
    expect(result.deadLetter?.detail).to.equal('undecodable-body');
    expect(result.deadLetter?.body.toString()).to.equal('{');
  });

  it('dead-letters a message whose header table is broken', async () => {
    await using app = await testApp({ register });

    const result = await app.deliver({ body: '[[],{},{}]', headerError: 'an unknown tag' });

    expect(result.deadLetter).to.include({ reason: 'malformed', detail: 'undecodable-headers' });
  });

  it('carries the input as the wire does: a date arrives as text', async () => {
    const got: unknown[] = [];
    await using app = await testApp({
      register: (worker) => worker.task('note', (...args: unknown[]) => got.push(...args)),
    });

    await app.run('note', [new Date(0), 12345678901234567890n]);

    expect(got).to.deep.equal(['1970-01-01T00:00:00.000Z', 12345678901234567890n]);
  });

  it('refuses a message that is larger than the configured limit', async () => {
    await using app = await testApp({ register, config: { tasks: { max_message_size: '1kB' } } });

    const error = await rejection(app.run('mail.send', ['x'.repeat(2000)]));

    expect(isCeleriacError(error, 'ERR_MESSAGE_TOO_LARGE')).to.equal(true);
  });

  it('gives the handler its context: id, queue, attempt, headers, redelivered', async () => {
    const got: unknown[] = [];
    await using app = await testApp({
      register: (worker) =>
        worker.task(mail, (_, { id, queue, attempt, headers, redelivered }) => {
          got.push({ id, queue, attempt, headers, redelivered, same: currentTask()?.id === id });
        }),
    });

    await app.run(mail, {}, { id: 'm1', headers: { tenant: 'a' }, redelivered: true });

    expect(got).to.deep.equal([
      { id: 'm1', queue: 'mail', attempt: 1, headers: { tenant: 'a' }, redelivered: true, same: true },
    ]);
  });

  it('needs no connection string and reads nothing of the environment', async () => {
    process.env['CELERIAC_TASKS__DEFAULT_QUEUE'] = 'from-the-environment';
    try {
      await using app = await testApp({ register });
      expect((await app.run(charge, { orderId: '7', amount: 1 })).queue).to.equal('celeriac');
    } finally {
      delete process.env['CELERIAC_TASKS__DEFAULT_QUEUE'];
    }
  });

  it('says so when no handler is registered at all', async () => {
    const error = await rejection(testApp({ register: () => undefined }));

    expect(isCeleriacError(error, 'ERR_WORKER_STATE')).to.equal(true);
  });

  it('says so when there is no task to run', async () => {
    await using app = await testApp({
      register: (worker) => worker.application('crm').on('#', () => undefined),
    });

    const error = await rejection(app.run('anything', {}));

    expect(isCeleriacError(error, 'ERR_WORKER_STATE')).to.equal(true);
  });

  it('tells the listeners of the worker, as in production', async () => {
    const told: string[] = [];
    await using app = await testApp({
      register: (worker) => {
        register(worker);
        worker.on('settled', ({ name, verdict }) => told.push(`${name ?? ''} ${verdict.kind}`));
      },
    });

    await app.run(charge, { orderId: '7', amount: -1 });

    expect(told).to.deep.equal(['billing.charge deadLetter']);
  });

  it('waits for a register that is asynchronous', async () => {
    await using app = await testApp({
      register: async (worker) => {
        await Promise.resolve();
        register(worker);
      },
    });

    expect(app.registered).to.deep.equal({ tasks: ['billing.charge', 'mail.send'], applications: ['crm'] });
  });
});

describe('the result of a run', () => {
  it('fails an expectation of success with the error of the handler as its cause', async () => {
    await using app = await testApp({ register });
    const result = await app.run(charge, { orderId: '7', amount: -1 });

    const fail = (): unknown => result.expectSucceeded();

    expect(fail)
      .to.throw(
        AssertionError,
        "Expected 'billing.charge' to succeed; it ended as 'failed' (dead-lettered: failed).",
      )
      .with.property('cause')
      .that.is.instanceOf(RangeError);
    expect(fail).to.throw('an amount is positive');
  });

  it('fails an expectation of a dead letter with what was returned', async () => {
    await using app = await testApp({ register });
    const result = await app.run(charge, { orderId: '7', amount: 1 });

    expect(() => result.expectDeadLettered('failed')).to.throw(
      AssertionError,
      "Expected 'billing.charge' to be dead-lettered: failed; it succeeded and returned 'charged 7' (acked).",
    );
  });

  it('fails an expectation of another reason', async () => {
    await using app = await testApp({ register });
    const result = await app.run(charge, { orderId: '7', amount: -1 });

    expect(() => result.expectDeadLettered('expired')).to.throw(
      AssertionError,
      'to be dead-lettered: expired',
    );
  });
});
