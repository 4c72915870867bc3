/** Expectations about what was sent, and their failures. */
import { expect } from 'chai';

import { testApp, testPublisher } from '../../dist/index.js';
import { failure } from '../support/failures.js';
import { dealUpdated, mail, place, register } from '../support/orders.js';

describe('expectations', () => {
  it('name what was sent instead, and where it differs', async () => {
    await using app = await testApp({ register });
    await app.run(place, { id: 'a' }, { id: 'order-1' });

    const error = failure(() => app.expectSent(mail, { to: 'b@example.com' }));

    expect(error.message).to.equal(
      [
        "Expected 'mail.send' to be sent with { to: 'b@example.com' }.",
        'One task was sent:',
        "  mail.send { to: 'a@example.com', lines: [ 'hello', 'world' ] } to 'mail' by orders.place (order-1)",
        "    to: expected 'b@example.com', was 'a@example.com'",
      ].join('\n'),
    );
  });

  it('say so when nothing was sent', async () => {
    await using publisher = await testPublisher();

    expect(failure(() => publisher.expectSent('a')).message).to.equal(
      "Expected 'a' to be sent.\nNo task was sent.",
    );
    expect(failure(() => publisher.expectPublished(dealUpdated)).message).to.equal(
      "Expected 'core.limeobject.deal.update.v1' to be published.\nNo event was published.",
    );
  });

  it('compare the members they name at any depth, lists whole, and dates as they travel', async () => {
    await using publisher = await testPublisher();
    await publisher.send('a', { at: new Date(0), deep: { x: 1, y: 2 }, list: [1, { z: 3, w: 4 }] });

    publisher.expectSent('a', { at: new Date(0), deep: { y: 2 }, list: [1, { z: 3 }] });
    failure(() => publisher.expectSent('a', { list: [1] }));
    failure(() => publisher.expectSent('a', { deep: { y: 3 } }));
    failure(() => publisher.expectSent('a', { other: 1 }));
  });

  it('take a function', async () => {
    await using publisher = await testPublisher();
    await publisher.send(mail, { to: 'a' });

    publisher.expectSent(mail, ({ to }) => to.startsWith('a'));
    const error = failure(() => publisher.expectSent(mail, ({ to }) => to.startsWith('b')));

    expect(error.message).to.include('what the function given accepts');
  });

  it('count', async () => {
    await using publisher = await testPublisher();
    await publisher.send('a', [1]);
    await publisher.send('a', [2]);

    publisher.expectSent('a', undefined, { times: 2 });
    publisher.expectSent('a', [1], { times: 1 });
    publisher.expectSent('b', undefined, { times: 0 });
    expect(failure(() => publisher.expectSent('a', [1], { times: 2 })).message).to.include(
      'to be sent 2 times, not 1 with [ 1 ]',
    );
  });

  it('of nothing fail for what was there', async () => {
    await using publisher = await testPublisher();
    publisher.expectNothingSent();
    publisher.expectNothingPublished();
    await publisher.send(mail, { to: 'a' });
    await publisher.publishEvent(dealUpdated, { id: 1, values: { name: 'x' } });

    publisher.expectNothingSent(place);
    publisher.expectNothingPublished('other');
    expect(failure(() => publisher.expectNothingSent()).message).to.equal(
      "Expected no task to be sent.\nOne task was sent:\n  mail.send { to: 'a' } to 'mail'",
    );
    expect(failure(() => publisher.expectNothingSent(mail)).message).to.include(
      "Expected no 'mail.send' to be sent",
    );
    expect(failure(() => publisher.expectNothingPublished(dealUpdated)).message).to.include(
      "Expected no 'core.limeobject.deal.update.v1' to be published",
    );
  });

  it('of an event by its type compare its data', async () => {
    await using publisher = await testPublisher();
    await publisher.publishEvent('stock.low', { item: 7, left: 2 });

    const event = publisher.expectPublished('stock.low', { item: 7 });

    expect(event.data).to.deep.equal({ item: 7, left: 2 });
    failure(() => publisher.expectPublished('stock.low', { item: 8 }));
  });
});
