/** What a publish says is true: stored when it resolves, and why not when it rejects. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { CeleriacError, ConfigInput } from '@celeriac/core';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, gate, rejection, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { Rabbit } from '../support/rabbit.js';
import { waitFor } from '../support/wait-for.js';

describe('publishing', function () {
  let rabbit: Rabbit;
  const nodes: Rabbit[] = [];

  before(async function () {
    requireRabbit(this);
    rabbit = await Rabbit.start({ config: ['max_message_size = 1048576'] });
    nodes.push(rabbit);
  });

  after(async () => {
    for (const node of nodes) await node.stop();
  });

  const open = (vhost: Vhost, tasks: ConfigInput['tasks'] = {}) =>
    WatchedPublisher.open(
      configFor(vhost.url, { tasks: { queue_type: 'classic', default_queue: 'q', ...tasks } }),
    );

  it('to an exchange that is missing rejects with its name; others pass, and it is not sent again later', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using sender = await WatchedPublisher.open(
      configFor(vhost.url, {
        events: { exchange: 'nope' },
        tasks: { queue_type: 'classic', default_queue: 'q' },
      }),
    );
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertExchange('nope', 'topic', { durable: true });
    await sender.publisher.publishEvent('x', 1, { mandatory: false }); // from now on it counts as declared
    await channel.deleteExchange('nope');
    const startedAt = performance.now();
    const missing = rejection(sender.publisher.publishEvent('x', 2, { mandatory: false }));
    const others = sender.publisher.sendMany(
      'add',
      Array.from({ length: 5 }, (_, n) => [n]),
    );

    const error = await missing;

    expect(performance.now() - startedAt).to.be.below(5_000);
    expect(error).to.have.property('code', 'ERR_EXCHANGE_NOT_FOUND');
    expect(error.values).to.include({ exchange: 'nope', outcome: 'not-stored', replyCode: 404 });
    await others;
    await rabbit.closeConnections();
    await sender.publisher.send('add', [5]);
    expect(await idsIn(vhost, 'q')).to.have.length(6);
    expect(sender.log.matching(/publishing channel closed/u)).to.have.length(1); // once, not at every reconnect
  });

  it('of an event nobody is registered for rejects as unroutable, and is dropped silently only when asked to', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using sender = await open(vhost);

    const error = await rejection(sender.publisher.publishEvent('core.limeobject.deal.new.v1', {}));

    expect(error).to.have.property('code', 'ERR_PUBLISH_UNROUTABLE');
    expect(error.values).to.include({ outcome: 'not-stored', routingKey: 'core.limeobject.deal.new.v1' });
    await sender.publisher.publishEvent('core.limeobject.deal.new.v1', {}, { mandatory: false });
  });

  it('of one message too large for the broker costs that one only, and the limit is known from then on', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using sender = await open(vhost, { max_message_size: '8MiB' });
    const large = 'x'.repeat(2 * 1024 * 1024);
    const sends = [['small-1'], [large], ['small-2'], ['small-3']].map((args) =>
      sender.publisher.send('add', args),
    );

    const results = await Promise.allSettled(sends);

    expect(results.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(results[1]).to.have.nested.property('reason.code', 'ERR_MESSAGE_TOO_LARGE');
    expect(results[1]).to.have.nested.property('reason.values.limit', 1_048_576);
    const stored = await idsIn(vhost, 'q');
    const confirmed = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
    expect(stored.sort()).to.deep.equal(confirmed.sort()); // each exactly once
    const again = await rejection(sender.publisher.send('add', [large]));
    expect(again).to.have.property('code', 'ERR_MESSAGE_TOO_LARGE');
    expect(sender.log.matching(/publishing channel closed/u)).to.have.length(1);
  });

  it('to a queue that is full rejects as refused by the broker, and nothing of it is stored', async () => {
    await using vhost = await Vhost.create(rabbit);
    const channel = await (await vhost.raw()).createChannel();
    await channel.assertQueue('q', {
      durable: true,
      arguments: { 'x-max-length': 2, 'x-overflow': 'reject-publish' },
    });
    await using sender = await open(vhost, { declare_queues: false });
    await channel.assertQueue('q.dead-letter', { durable: true });
    const ids = await Promise.all([1, 2].map((n) => sender.publisher.send('add', [n])));

    const error = await rejection(sender.publisher.send('add', [3]));

    expect(error).to.have.property('code', 'ERR_PUBLISH_NACKED');
    expect(error).to.have.property('retryable', true);
    expect(await idsIn(vhost, 'q')).to.deep.equal(ids.map(({ id }) => id));
  });

  it('to a queue that was deleted after its declaration declares it again', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using sender = await open(vhost);
    await sender.publisher.send('add', [1]);
    const channel = await (await vhost.raw()).createChannel();
    await channel.deleteQueue('q');

    const { id } = await sender.publisher.send('add', [2]);

    expect(await idsIn(vhost, 'q')).to.deep.equal([id]);
  });

  it('while the broker blocks: says so with the reason, rejects at the deadline, bounds what waits, and consuming goes on', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using watched = new WatchedWorker(
      configFor(vhost.url, { tasks: { queue_type: 'classic' }, task_handler: { queues: ['q'] } }),
    );
    const hold = gate();
    watched.worker.task('add', () => hold.opened);
    await watched.worker.start();
    await using sender = await open(vhost, { max_unsettled_messages: 10 });
    await Promise.all([1, 2].map((n) => sender.publisher.send('add', [n, n])));
    await waitFor(() => watched.started.length === 2);
    const reasons: string[] = [];
    let unblocked = 0;
    sender.publisher.on('blocked', (reason) => reasons.push(reason)).on('unblocked', () => unblocked++);
    await rabbit.memoryAlarm(true);
    try {
      // The broker tells a connection once it publishes (RabbitMQ: Blocked Connections).
      const first = rejection(sender.publisher.send('add', [1, 1], { timeout: '3s' }));
      await waitFor(() => reasons.length > 0, { what: 'the blocked event' });
      expect(reasons[0]).to.match(/memory/u);
      const waiting = Array.from({ length: 9 }, () =>
        rejection(sender.publisher.send('add', [2, 2], { timeout: '3s' })),
      );
      const beyond = await rejection(sender.publisher.send('add', [3, 3], { timeout: '3s' }));
      expect(beyond).to.have.property('code', 'ERR_PUBLISH_BACKPRESSURE');
      expect(beyond.values).to.include({ outcome: 'not-sent', count: 10 });
      for (const error of await Promise.all([first, ...waiting])) {
        expect(error).to.have.property('code', 'ERR_PUBLISH_BLOCKED');
        expect(error.message).to.match(/memory/u);
      }
      hold.open(); // a handler that ends now is acknowledged all the same
      await waitFor(async () => (await rabbit.depths(vhost.name)).get('q') === 0, { every: 500 });
      expect(watched.lost).to.deep.equal([]);
    } finally {
      await rabbit.memoryAlarm(false);
    }
    await waitFor(() => unblocked > 0, { what: 'the unblocked event' });
    await sender.publisher.send('add', [4, 4]);
    await watched.untilSettled(3);
  });

  it('while the broker goes down and comes up: what resolved is stored, all else is rejected, close settles the rest', async () => {
    await using vhost = await Vhost.create(rabbit);
    await using sender = await open(vhost);
    await sender.publisher.ready();
    const outcomes: Promise<{ id: string } | { code: string }>[] = [];
    const going = { on: true };
    const load = (async () => {
      for (let n = 0; going.on; n++) {
        const sent = sender.publisher.send('add', [n], { timeout: '2s' });
        outcomes.push(sent.catch((error: unknown) => ({ code: (error as CeleriacError).code })));
        await sleep(20); // the load's pace, not a wait for anything
      }
    })();
    await waitFor(() => outcomes.length > 20);
    await rabbit.down();
    const down = outcomes.length;
    await waitFor(() => outcomes.length > down + 150);
    await rabbit.up();
    const up = outcomes.length;
    await waitFor(() => outcomes.length > up + 50);
    going.on = false;
    await load;
    await sender.publisher.close({ timeout: 5 });

    const settled = await Promise.all(outcomes);

    const resolved = settled.flatMap((one) => ('id' in one ? [one.id] : []));
    const codes = new Set(settled.flatMap((one) => ('code' in one ? [one.code] : [])));
    const stored = await idsIn(vhost, 'q');
    expect(resolved.filter((id) => !stored.includes(id))).to.deep.equal([]);
    expect([...codes]).to.deep.equal(['ERR_PUBLISH_TIMEOUT']);
    expect(resolved.length).to.be.above(70);
    console.log(`      ${settled.length} sent, ${resolved.length} resolved, ${stored.length} stored`);
  });

  it('is settled by close, also for what could not be sent at all', async () => {
    const sender = await WatchedPublisher.open(configFor('amqp://guest:guest@127.0.0.1:1//'));
    const sent = Array.from({ length: 5 }, (_, n) => rejection(sender.publisher.send('add', [n])));

    await sender.publisher.close({ timeout: '100ms' });

    const errors = await Promise.all(sent);
    expect(errors.map(({ code }) => code)).to.deep.equal(Array.from({ length: 5 }, () => 'ERR_CLOSED'));
    expect(await rejection(sender.publisher.send('add', [6]))).to.have.property('code', 'ERR_CLOSED');
  });
});

async function idsIn(vhost: Vhost, queue: string): Promise<string[]> {
  return (await vhost.take(queue)).map(({ properties }) =>
    String(properties.messageId ?? properties.correlationId),
  );
}
