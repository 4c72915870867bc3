/** Celery's delay queues, declared and used by us: the same on the embedded broker and on RabbitMQ. */
import { readFileSync } from 'node:fs';

import { createPublisher, type Publisher } from '@celeriac/publisher';
import type { Channel, ConsumeMessage } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { onEveryBroker, refusal } from './subjects.js';

interface Captured {
  readonly topology: {
    readonly queues: readonly { name: string; arguments: readonly [string, string, unknown][] }[];
    readonly exchanges: readonly { name: string; type: string }[];
  };
}

const captured = JSON.parse(
  readFileSync(
    new URL('../../../packages/core/test/fixtures/celery/quorum-delayed-5.6.3.json', import.meta.url),
    'utf8',
  ),
) as Captured;

type QueueType = 'quorum' | 'classic';

function publisherTo(url: string, type: QueueType = 'quorum'): Promise<Publisher> {
  const tasks = { queue_type: type, delayed_delivery_queue_type: type };
  return createPublisher({ config: { events: { connection_string: url }, tasks }, env: {} });
}

/** The messages of a queue with the times they came at, once there are so many; and none comes after. */
async function arrivals(channel: Channel, queue: string, count: number): Promise<Arrival[]> {
  const all: Arrival[] = [];
  const { consumerTag } = await channel.consume(
    queue,
    (message) => message !== null && all.push({ message, at: Date.now() }),
    { noAck: true },
  );
  await waitFor(() => all.length >= count, { what: `${count} messages in ${queue}` });
  await channel.cancel(consumerTag);
  return all;
}

interface Arrival {
  readonly message: ConsumeMessage;
  readonly at: number;
}

function idOf({ message }: Arrival): unknown {
  return message.properties.messageId as unknown;
}

onEveryBroker('delayed delivery', (opened) => {
  for (const type of ['quorum', 'classic'] as const) {
    it(`brings messages to their queue no earlier than they are due, over ${type} queues`, async () => {
      const { subject, channel } = opened();
      await using publisher = await publisherTo(subject.url, type);
      const due = new Map<string, number>();
      for (const delay of ['3s', '1ms', '2s', '1900ms', '1s']) {
        const { id, eta } = await publisher.send('t', [delay], { queue: 'q', delay });
        due.set(id, eta?.getTime() ?? 0); // a millisecond may have passed before it was sent
      }

      const all = await arrivals(channel, 'q', 5);

      const late = all.map((one) => one.at - due.get(one.message.properties.messageId as string)!);
      for (const ms of late) expect(ms).to.be.at.least(0);
      expect(all).to.have.length(5);
    });
  }

  it('tells queues apart whose names end the same', async () => {
    const { subject, channel } = opened();
    await using publisher = await publisherTo(subject.url);
    const long = `${'x'.repeat(230)}.*.b`;
    const queues = ['b', 'a.b', '*.b', long];
    const ids: string[] = [];
    for (const queue of queues) ids.push((await publisher.send('t', [], { queue, delay: 1 })).id);

    const got = await Promise.all(queues.map((queue) => arrivals(channel, queue, 1)));

    expect(got.map((messages) => messages.map(idOf))).to.deep.equal(ids.map((id) => [id]));
  });

  it('delivers once to a queue that Celery has bound as well', async () => {
    const { subject, channel } = opened();
    await using publisher = await publisherTo(subject.url);
    await publisher.send('t', [], { queue: 'q', delay: 1 });
    await channel.assertExchange('q', 'topic');
    await channel.bindQueue('q', 'q', '#.q');
    await channel.bindExchange('q', 'celery_delayed_delivery', '#.q');
    await publisher.send('t', [], { queue: 'q', delay: 1 });
    await arrivals(channel, 'q', 2);

    await publisher.send('t', [], { queue: 'q', delay: 1 });
    await publisher.send('last', [], { queue: 'q', delay: 2 });
    const all = await arrivals(channel, 'q', 2);

    expect(all.map(({ message }) => message.properties.headers?.task as unknown)).to.deep.equal([
      't',
      'last',
    ]);
  });

  it('is declared exactly as Celery declares it', async () => {
    const { subject, channel } = opened();
    await using publisher = await publisherTo(subject.url);
    await publisher.send('t', [], { queue: 'q', delay: 60 });

    for (const { name, type } of captured.topology.exchanges)
      await channel.assertExchange(name, type, { durable: true });
    for (const { name, arguments: args } of captured.topology.queues) {
      const values = Object.fromEntries(args.map(([key, , value]) => [key, value]));
      await channel.assertQueue(name, { durable: true, arguments: values });
    }
    const other = { 'x-queue-type': 'quorum', 'x-message-ttl': 5 };
    const { code } = await refusal(opened().connection, (one) =>
      one.assertQueue('celery_delayed_3', { durable: true, arguments: other }),
    );

    expect(code).to.equal(406); // so the comparison means something
  });

  it('holds the longest delay without trouble to the others', async () => {
    const { subject, channel } = opened();
    await using publisher = await publisherTo(subject.url);
    await publisher.send('t', [], { queue: 'q', delay: 2 ** 28 - 1 });
    for (let bit = 20; bit < 28; bit++) await publisher.send('t', [], { queue: 'q', delay: 2 ** bit });
    const { id } = await publisher.send('t', [], { queue: 'q', delay: 1 });

    const all = await arrivals(channel, 'q', 1);

    expect(all.map(idOf)).to.deep.equal([id]);
    // A queue tells its counts late.
    await waitFor(async () => (await channel.checkQueue('celery_delayed_27')).messageCount === 2);
  });

  it('is declared again when any part of it was deleted', async () => {
    const { subject, channel } = opened();
    await using publisher = await publisherTo(subject.url);
    await publisher.send('t', [], { queue: 'q', delay: 1 });
    await arrivals(channel, 'q', 1);

    await channel.deleteExchange('celery_delayed_0');
    const first = await publisher.send('t', [], { queue: 'q', delay: 1 });
    const [one] = await arrivals(channel, 'q', 1);
    await channel.deleteQueue('celery_delayed_0');
    const second = await publisher.send('t', [], { queue: 'q', delay: 1 });
    const [two] = await arrivals(channel, 'q', 1);

    expect([one, two].map((arrival) => idOf(arrival!))).to.deep.equal([first.id, second.id]);
  });
});
