/**
 * Putting back dead letters, with the connection cut after every single frame, and with the death of whoever does it.
 * What holds: none is lost, each is there twice at most, and doing it again brings the rest.
 */
import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { type DeadLetters, openDeadLetters } from '@celeriac/worker';
import amqp from 'amqplib';
import { expect } from 'chai';

import { rejection } from '../support/clients.js';
import { type CutReport, cutEverywhere } from '../support/cuts.js';
import { waitFor } from '../support/wait-for.js';

const ids = ['a', 'b', 'c', 'd'] as const;
const dead = 'work.dead-letter';

function open({ url }: DevBroker): Promise<DeadLetters> {
  const config = { events: { connection_string: url, reconnect_max_delay: '100ms' } };
  return openDeadLetters({ config, env: {}, timeout: '1s' });
}

/** Dead letters of these ids; `other` is of another task. */
async function fill({ url }: DevBroker, all: readonly string[] = ['other', ...ids]): Promise<void> {
  const connection = await amqp.connect(url);
  const channel = await connection.createConfirmChannel();
  for (const queue of ['work', dead]) await channel.assertQueue(queue);
  for (const id of all) {
    const headers = {
      id,
      task: id === 'other' ? 'other' : 'work',
      'celeriac-reason': 'failed',
      'celeriac-queue': 'work',
    };
    channel.sendToQueue(dead, Buffer.from('[[],{},{}]'), {
      persistent: true,
      messageId: id,
      contentType: 'application/json',
      headers,
    });
  }
  await channel.waitForConfirms();
  await connection.close();
}

const codes = ['ERR_DEAD_LETTERS_UNFINISHED', 'ERR_CHANNEL_CLOSED', 'ERR_CONNECTION_LOST'];

/** Whatever became of it is told: by a report or by an error that says so. */
async function requeue(letters: DeadLetters): Promise<void> {
  const report = await letters.requeue('work', { task: 'work' }).catch((error: unknown) => {
    expect(codes, String(error)).to.include((error as { code?: unknown }).code);
    return undefined;
  });
  if (report !== undefined) expect(report.requeued, 'put back').to.equal(ids.length);
}

function idsIn(broker: DevBroker, queue: string): string[] {
  return broker.messages(queue).map(({ properties }) => properties.messageId ?? '');
}

async function untilGivenBack(broker: DevBroker): Promise<void> {
  const inHand = (): number =>
    broker.queues().reduce((sum, { messagesUnacknowledged }) => sum + messagesUnacknowledged, 0);
  await waitFor(() => inHand() === 0, { what: 'nothing in hand' });
}

function expectAllStruck({ steps, struck, broken }: CutReport): void {
  expect(broken.join('\n')).to.equal('');
  expect(steps).to.be.at.least(20);
  expect(struck).to.be.at.least(steps - 5);
}

/** None is lost, and each is in the queue twice at most, once for each time it was put back. */
async function doneAgain(broker: DevBroker): Promise<void> {
  await untilGivenBack(broker);
  const everywhere = new Set([...idsIn(broker, 'work'), ...idsIn(broker, dead)]);
  expect([...everywhere].sort(), 'after the cut').to.deep.equal([...ids, 'other']);
  const letters = await open(broker);
  try {
    await letters.requeue('work', { task: 'work' });
  } finally {
    await letters.close();
  }
  await untilGivenBack(broker);
  expect(idsIn(broker, dead)).to.deep.equal(['other']);
  const back = idsIn(broker, 'work');
  expect([...new Set(back)].sort()).to.deep.equal([...ids]);
  for (const id of ids) expect(back.filter((one) => one === id).length, `copies of ${id}`).to.be.at.most(2);
}

describe('putting back dead letters, with the connection cut after every frame,', function () {
  it('loses none, and can be done again', async () => {
    const report = await cutEverywhere(async ({ broker, cut }) => {
      await fill(broker);
      const letters = await open(broker);
      try {
        await cut(() => requeue(letters));
      } finally {
        await letters.close();
      }
      await doneAgain(broker);
    });
    expectAllStruck(report);
  });

  it('loses none when whoever does it dies', async () => {
    const report = await cutEverywhere(
      async ({ broker, cut, death }) => {
        await fill(broker);
        const letters = await open(broker);
        await cut(async () => {
          const work = requeue(letters);
          work.catch(() => undefined); // it dies in the middle of it
          await Promise.race([work, death]);
          await letters.close();
        });
        broker.faults.clear();
        await doneAgain(broker);
      },
      { forGood: true },
    );
    expectAllStruck(report);
  });
});

describe('putting back a dead letter', () => {
  it('takes it out only once the copy is confirmed: killed in between, it is in both queues', async () => {
    await using broker = await startBroker();
    await fill(broker);
    const letters = await open(broker);
    const withheld = broker.faults.withholdConfirm();

    const work = letters.requeue('work', { id: 'a' });
    work.catch(() => undefined); // it is killed
    await waitFor(() => withheld.struck === 1, { what: 'the copy to be stored' });
    expect(broker.messages('work')).to.have.length(1);
    expect(broker.queues().find(({ name }) => name === dead)).to.include({ messages: 5 });
    broker.faults.refuse();
    broker.faults.drop();
    await letters.close();

    await untilGivenBack(broker);
    expect(idsIn(broker, 'work')).to.deep.equal(['a']);
    expect(idsIn(broker, dead)).to.deep.equal(['other', ...ids]);
  });

  it('stops with what was done when the broker goes, and says so', async () => {
    await using broker = await startBroker();
    await fill(broker);
    await using letters = await open(broker);
    broker.faults.drop({
      connection: /dead letters/u,
      at: { direction: 'received', frame: 'basic.ack', nth: 2 },
    });

    const error = await rejection(letters.requeue('work', {}, { ratePerSecond: 20 }));

    expect(error).to.include({ code: 'ERR_DEAD_LETTERS_UNFINISHED', retryable: true });
    expect(error.message).to.match(/^Stopped halfway through 'work\.dead-letter': \d were put back/u);
    expect(error.values).to.deep.include({ queue: dead, requeued: broker.messages('work').length });
    expect(error.cause).to.include({ code: 'ERR_CHANNEL_CLOSED' });
  });

  it('sends nothing on that it does not hold any more', async () => {
    await using broker = await startBroker();
    await fill(
      broker,
      Array.from({ length: 300 }, (_, index) => `id-${index}`),
    );
    await using letters = await open(broker);
    broker.faults.drop({
      connection: /dead letters/u,
      at: { direction: 'received', frame: 'basic.ack', nth: 5 },
    });

    const error = await rejection(letters.requeue('work', {}, { ratePerSecond: 500 }));

    expect(error).to.include({ code: 'ERR_DEAD_LETTERS_UNFINISHED' });
    expect(error.values.requeued).to.be.within(5, 100);
    expect(broker.messages('work')).to.have.length(error.values.requeued as number);
  });
});
