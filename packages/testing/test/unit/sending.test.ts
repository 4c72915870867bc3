/** What handlers send in tests: remembered, made to fail, and run. */
import { AssertionError } from 'node:assert';

import { isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import { testApp } from '../../dist/index.js';
import { rejection } from '../support/failures.js';
import { count, dealUpdated, mail, place, register } from '../support/orders.js';

describe('what handlers send', () => {
  it('is known to the result, to the app, and by whom it was sent', async () => {
    await using app = await testApp({ register });

    const result = await app.run(place, { id: 'a' }, { id: 'order-1' });

    result.expectSucceeded();
    expect(result.sent.map(({ task, queue }) => `${task} ${queue}`)).to.deep.equal(['mail.send mail']);
    expect(result.published.map(({ object, objectId }) => `${object ?? ''} ${objectId ?? ''}`)).to.deep.equal(
      ['deal 7'],
    );
    const sent = app.expectSent(mail, { to: 'a@example.com' });
    expect(sent.by).to.deep.equal({ id: 'order-1', name: 'orders.place' });
    expect(sent.message.parentId).to.equal('order-1');
    app.expectPublished(dealUpdated, { id: 7, originalValues: { name: 'old' } });
  });

  it('is not mixed up between runs beside one another, nor between those that wait for a slot', async () => {
    await using app = await testApp({ register, config: { task_handler: { concurrency: 2 } } });

    const results = await Promise.all(['a', 'b', 'c'].map((id) => app.run(place, { id })));

    expect(results.map(({ sent }) => sent.map(({ input }) => (input as { to: string }).to))).to.deep.equal([
      ['a@example.com'],
      ['b@example.com'],
      ['c@example.com'],
    ]);
    expect(app.sent).to.have.length(3);
  });

  it('fails where the test says so, and only so often', async () => {
    await using app = await testApp({ register });
    app.failNext('ERR_PUBLISH_TIMEOUT');

    const first = await app.run(place, { id: 'a' });
    const second = await app.run(place, { id: 'a' });

    expect(isCeleriacError(first.expectDeadLettered('failed'), 'ERR_PUBLISH_TIMEOUT')).to.equal(true);
    expect(first.sent).to.deep.equal([]);
    second.expectSucceeded();
  });

  it('is validated as in production', async () => {
    await using app = await testApp({
      register: (worker) => worker.task('bad', async () => app.publisher.send(mail, {} as never)),
    });

    const result = await app.run('bad');

    expect(isCeleriacError(result.expectDeadLettered('failed'), 'ERR_INPUT_INVALID')).to.equal(true);
  });
});

describe('drain', () => {
  it('runs what was sent to tasks registered here until nothing is left', async () => {
    await using app = await testApp({ register });
    await app.publisher.send(count, 3);

    const results = await app.drain();

    expect(results.map(({ status }) => status)).to.deep.equal(Array(4).fill('succeeded'));
    expect(app.sent.map(({ input }) => input)).to.deep.equal([3, 2, 1, 0]);
    expect(await app.drain()).to.deep.equal([]);
  });

  it('leaves tasks of other services alone', async () => {
    await using app = await testApp({ register });
    await app.run(place, { id: 'a' });

    const results = await app.drain();

    expect(results).to.deep.equal([]);
    app.expectSent(mail);
  });

  it('runs the applications that want what was published', async () => {
    const names: unknown[] = [];
    await using app = await testApp({
      register: (worker) => {
        register(worker);
        worker.application('crm').on(dealUpdated, ({ values }) => names.push(values?.name));
      },
    });
    await app.run(place, { id: 'a' });

    const results = await app.drain();

    expect(names).to.deep.equal(['a']);
    expect(results.map(({ application }) => application)).to.deep.equal(['crm']);
  });

  it('fails when it finds no end, naming what ran last', async () => {
    let ran = 0;
    await using app = await testApp({
      register: (worker) =>
        worker.task('ping', async () => {
          ran++;
          await app.publisher.send('ping');
        }),
    });
    await app.publisher.send('ping');

    const error = await rejection(app.drain({ limit: 10 }));

    expect(ran).to.equal(10);
    expect(error).to.be.instanceOf(AssertionError);
    expect(error.message).to.match(/drain has run 10 messages.*\n {2}ping \(/u);
  });

  it('runs exactly as many as its limit allows', async () => {
    await using app = await testApp({ register });
    await app.publisher.send(count, 9);

    expect(await app.drain({ limit: 10 })).to.have.length(10);
  });

  it('forgets what was cleared', async () => {
    await using app = await testApp({ register });
    await app.publisher.send(count, 3);

    app.clear();

    expect(await app.drain()).to.deep.equal([]);
    app.expectNothingSent();
  });
});
