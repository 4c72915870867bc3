import { readFile } from 'node:fs/promises';

import amqp, { type ChannelModel } from 'amqplib';
import { expect } from 'chai';

import { waitFor } from '../support/wait-for.js';
import { differences, differencesTable } from './differences.js';
import { RawClient } from './raw-client.js';
import { bodies, onEveryBroker, publish, refusal, take } from './subjects.js';

type Id = keyof typeof differences;

onEveryBroker('known differences', (opened) => {
  /** What is seen, by difference: on RabbitMQ, and on the embedded broker. */
  const seen: Readonly<
    Partial<Record<Id, readonly [rabbitmq: string, embedded: string, () => Promise<string>]>>
  > = {
    userId: [
      "406 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'",
      'fine',
      () =>
        refusedOrFine(async (channel) => {
          await channel.assertQueue('q');
          channel.sendToQueue('q', Buffer.from('x'), { userId: 'other' });
          await channel.checkQueue('q');
        }),
    ],
    integerTypes: [
      "received the value '5' of type 'byte' but current is none",
      "received the value '5' of type 'signedint' but current is none",
      async () => {
        const { channel, connection } = opened();
        await channel.assertQueue('q');
        const own = await connection.createChannel();
        const ended = new Promise<Error>((resolve) => own.on('error', resolve));
        own.assertQueue('q', { arguments: { 'x-max-length': 5 } }).catch(() => undefined); // `ended` tells
        return /received .*none/u.exec((await ended).message)?.[0] ?? '';
      },
    ],
    earlyMistakes: [
      'not let in',
      'not let in: 530 NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)',
      () =>
        RawClient.open(opened().subject.url, { channelMax: 0 }).then(
          () => 'let in',
          (error: unknown) => /not let in.*/u.exec((error as Error).message)?.[0] ?? 'another error',
        ),
    ],
    streams: [
      'fine',
      "406 PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 's' in vhost 'V': \"unsupported queue type 'stream'\"",
      () => refusedOrFine((channel) => channel.assertQueue('s', { arguments: { 'x-queue-type': 'stream' } })),
    ],
    quorumReject: [
      'ack ack nack',
      'ack nack nack',
      async () => {
        const { channel } = opened();
        const args = { 'x-queue-type': 'quorum', 'x-max-length': 1, 'x-overflow': 'reject-publish' };
        await channel.assertQueue('q', { arguments: args });
        const results: string[] = [];
        for (const body of ['a', 'b', 'c']) {
          await publish(channel, 'q', [body]).then(
            () => results.push('ack'),
            () => results.push('nack'),
          );
        }
        return results.join(' ');
      },
    ],
    expiredAbove: [
      'high low',
      'low',
      async () => {
        const { channel } = opened();
        await channel.assertQueue('q', { arguments: { 'x-max-priority': 4 } });
        await publish(channel, 'q', ['low']);
        channel.sendToQueue('q', Buffer.from('high'), { priority: 3, expiration: '0' });
        await channel.waitForConfirms();
        return (await bodies(channel, 'q')).join(' ');
      },
    ],
    replyAddresses: ['first last', 'last', answersFromNextDoor],
  };

  /** What arrives of an answer from another virtual host, and of one from its own after it. */
  async function answersFromNextDoor(): Promise<string> {
    const { channel, connection, subject } = opened();
    const replyQueue = 'amq.rabbitmq.reply-to';
    const got: string[] = [];
    const asking = await connection.createChannel();
    await asking.consume(replyQueue, (message) => got.push(String(message?.content)), { noAck: true });
    await channel.assertQueue('q');
    asking.sendToQueue('q', Buffer.from('ask'), { replyTo: replyQueue });
    const { properties } = await take(channel, 'q', { noAck: true });
    const address = properties.replyTo as string;
    const neighbour = await subject.neighbour();
    const next = await amqp.connect(neighbour.url);
    const there = await next.createConfirmChannel();
    await publish(there, address, ['first']);
    await publish(channel, address, ['last']);
    await waitFor(() => got.includes('last'));
    await next.close();
    await neighbour.close();
    return got.join(' ');
  }

  async function refusedOrFine(how: (channel: amqp.Channel) => Promise<unknown>): Promise<string> {
    const { connection } = opened();
    const fine = trial(connection, how);
    const refused = refusal(connection, how).then(({ code, text }) => `${code} ${text}`);
    return Promise.race([fine, refused]);
  }

  /** Resolves when it went well, and never otherwise. */
  function trial(
    connection: ChannelModel,
    how: (channel: amqp.Channel) => Promise<unknown>,
  ): Promise<string> {
    return new Promise((resolve) => {
      void connection.createChannel().then((channel) => {
        channel.on('error', () => undefined);
        how(channel).then(
          () => resolve('fine'),
          () => undefined, // the refusal tells
        );
      });
    });
  }

  for (const [id, [rabbitmq, embedded, look]] of Object.entries(seen)) {
    it(`are as the table says: ${differences[id as Id].what}`, async () => {
      const isRabbit = opened().subject.name === 'RabbitMQ';

      expect(await look()).to.equal(isRabbit ? rabbitmq : embedded);
    });
  }
});

describe('the page on the embedded broker', () => {
  it('shows every known difference, in these words, and no other', async () => {
    const page = await readFile(new URL('../../../docs/embedded-broker.md', import.meta.url), 'utf8');
    const [, section = ''] = page.split('## Differences from RabbitMQ\n');
    const rows = section
      .split('\n## ')[0]!
      .split('\n')
      .filter((line) => line.startsWith('|') && !/^\|[\s|-]+$/u.test(line))
      .map((line) =>
        line
          .slice(1, -1)
          .split('|')
          .map((cell) => cell.trim())
          .join(' | '),
      );

    expect(rows.join('\n')).to.equal(differencesTable());
  });
});
