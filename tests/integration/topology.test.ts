/** Queues and exchanges that are already there, in another shape, or not ours to make. */
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';

function workerOf(vhost: Vhost, url = vhost.url): WatchedWorker {
  const watched = new WatchedWorker(
    configFor(url, { tasks: { queue_type: 'classic' }, task_handler: { queues: ['orders', 'mail'] } }),
  );
  watched.worker.task('add', (a: number, b: number) => a + b);
  return watched;
}

describe('a queue or exchange that exists in another shape', function () {
  before(function () {
    requireRabbit(this);
  });

  it('is refused when it would not survive a restart, with queue, argument, wanted and present value', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('orders', { durable: false });
    await using watched = workerOf(vhost);

    const error = await rejection(watched.worker.start());

    expect(error).to.have.property('code', 'ERR_TOPOLOGY_MISMATCH');
    expect(error.values).to.deep.include({
      queue: 'orders',
      argument: 'durable',
      wanted: 'true',
      present: 'false',
    });
    expect(error.message).to.match(/'orders'.*durable false.*true.*celeriac topology plan.*topology apply/su);
    expect(watched.restored).to.deep.equal([1]);
  });

  it('is used as it is when that is safe, with one warning for all subscriptions, and tasks run', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    const ours = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'orders.dead-letter' };
    await channel.assertQueue('orders', { durable: true, arguments: { ...ours, 'x-max-priority': 10 } });
    await using watched = workerOf(vhost);
    await watched.worker.start();
    await vhost.rabbit.closeConnections(); // the second subscription declares again
    await using sender = await WatchedPublisher.open(
      configFor(vhost.url, { tasks: { queue_type: 'classic', default_queue: 'orders' } }),
    );
    await sender.publisher.send('add', [1, 2]);
    await sender.publisher.send('add', [1, 2], { queue: 'mail' });

    const settled = await watched.untilSettled(2);

    expect(settled.map(({ outcome }) => outcome.kind)).to.deep.equal(['succeeded', 'succeeded']);
    const warnings = watched.log.matching(/exists with another/u);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include({ queue: 'orders', level: 'warn', argument: 'x-max-priority' });
    expect(warnings[0]).to.include({ wanted: 'none', present: '10', mend: 'celeriac topology plan' });
    expect(watched.restored).to.deep.equal([1, 2]);
  });

  it('is refused when it is an exchange of another type, which would route differently', async () => {
    await using vhost = await Vhost.create();
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertExchange('celeriac.events', 'fanout', { durable: true });
    await using sender = await WatchedPublisher.open(configFor(vhost.url));

    const error = await rejection(sender.publisher.publishEvent('core.limeobject.deal.new.v1', {}));

    expect(error).to.have.property('code', 'ERR_TOPOLOGY_MISMATCH');
    expect(error.values).to.include({ exchange: 'celeriac.events', argument: 'type' });
  });

  it('is used by a user who may not configure anything, as long as it exists', async () => {
    await using vhost = await Vhost.create();
    {
      await using owner = workerOf(vhost);
      await owner.worker.start();
    }
    const user = `u${vhost.name}`;
    await vhost.rabbit.ctl(
      'eval',
      `rabbit_auth_backend_internal:add_user(<<"${user}">>, <<"pw">>, <<"test">>),
       rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${vhost.name}">>, <<"^$">>, <<".*">>, <<".*">>, <<"test">>).`,
    );
    const url = vhost.rabbit.urlFor({ user, password: 'pw', vhost: vhost.name });
    await using watched = workerOf(vhost, url);
    await watched.worker.start();
    await using sender = await WatchedPublisher.open(
      configFor(url, { tasks: { queue_type: 'classic', default_queue: 'orders' } }),
    );
    await sender.publisher.send('add', [1, 2]);
    await watched.untilSettled(1);

    const error = await rejection(sender.publisher.send('add', [1, 2], { queue: 'missing' }));

    expect(error).to.have.property('code', 'ERR_TOPOLOGY_REFUSED');
    expect(error.message).to.include("'missing.dead-letter'").and.to.include('set_permissions');
  });

  it('is missing: with declare_queues false the worker says which, and declares nothing', async () => {
    await using vhost = await Vhost.create();
    await using watched = new WatchedWorker(
      configFor(vhost.url, { tasks: { declare_queues: false }, task_handler: { queues: ['orders'] } }),
    );
    watched.worker.task('add', () => 0);

    const error = await rejection(watched.worker.start());

    expect(error).to.have.property('code', 'ERR_TOPOLOGY_MISSING');
    expect(error.message).to.match(/'orders.*does not exist.*declare_queues/u);
    const missing = await rejection(vhost.depth('orders'));
    expect(missing).to.have.property('code', 404);
  });
});
