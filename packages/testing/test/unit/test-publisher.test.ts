/** A publisher that remembers: validation, routing, receipts, failures. */
import { CeleriacError, isCeleriacError } from '@celeriac/core';
import type { TaskSender } from '@celeriac/publisher';
import { expect } from 'chai';

import { testPublisher, virtualClock } from '../../dist/index.js';
import { rejection } from '../support/failures.js';
import { count, dealUpdated, mail } from '../support/orders.js';

describe('testPublisher', () => {
  it('gives receipts as the real one does, routed by the configuration', async () => {
    await using publisher = await testPublisher({ config: { tasks: { routes: { 'img.*': 'images' } } } });

    const receipt = await publisher.send('img.resize', { w: 1 }, { id: 'i1' });

    expect(receipt).to.deep.equal({ id: 'i1', exchange: '', routingKey: 'images' });
    expect(publisher.sent[0]).to.include({ task: 'img.resize', queue: 'images' });
  });

  it('validates what contracts describe, and remembers nothing that it refused', async () => {
    await using publisher = await testPublisher();

    const task = await rejection(publisher.send(mail, { to: 7 } as never));
    const event = await rejection(publisher.publishEvent(dealUpdated, { id: 1, values: {} as never }));
    const circular: { self?: unknown } = {};
    circular.self = circular;
    const unwritable = await rejection(publisher.send('a', circular));

    expect(isCeleriacError(task, 'ERR_INPUT_INVALID')).to.equal(true);
    expect(isCeleriacError(event, 'ERR_INPUT_INVALID')).to.equal(true);
    expect(isCeleriacError(unwritable, 'ERR_NOT_SERIALIZABLE')).to.equal(true);
    publisher.expectNothingSent();
    publisher.expectNothingPublished();
  });

  it('remembers every input of sendMany, single values as they were given', async () => {
    await using publisher = await testPublisher();

    const receipts = await publisher.sendMany(count, [3, 1, 2]);

    expect(receipts).to.have.length(3);
    expect(publisher.sent.map(({ input }) => input)).to.deep.equal([3, 1, 2]);
  });

  it('fits wherever a sender of tasks is asked for', async () => {
    await using publisher = await testPublisher();
    const signUp = (sender: TaskSender) => sender.send(mail, { to: 'new' });

    await signUp(publisher);

    publisher.expectSent(mail, { to: 'new' });
  });

  it('fails with the error that a test asks for, also inside sendMany', async () => {
    await using publisher = await testPublisher();
    const own = new CeleriacError('ERR_PUBLISH_BLOCKED', { message: 'Blocked.' });
    publisher.failNext(own, { times: 2 });

    expect(await rejection(publisher.send('a'))).to.equal(own);
    expect(await rejection(publisher.publishEvent('b', {}))).to.equal(own);
    publisher.failNext('ERR_PUBLISH_NACKED');
    expect(isCeleriacError(await rejection(publisher.sendMany('a', [1, 2])), 'ERR_SEND_MANY')).to.equal(true);
  });

  it('refuses what is sent after it was closed', async () => {
    const publisher = await testPublisher();
    await publisher.ready();
    await publisher.close();

    expect(isCeleriacError(await rejection(publisher.send('a')), 'ERR_CLOSED')).to.equal(true);
  });

  it('dates what it sends by the clock it is given', async () => {
    const clock = virtualClock({ start: '2026-05-01T00:00:00Z' });
    await using publisher = await testPublisher({ clock });

    await publisher.send('a', {}, { expires: '1h' });

    expect(publisher.sent[0]?.message.expires).to.equal(Date.UTC(2026, 4, 1, 1));
  });
});
