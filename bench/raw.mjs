/**
 * The other side of the comparison: what a good engineer would write on raw amqplib. noDelay, confirms,
 * persistent, prefetch 100, an ack each. No reconnecting, no validation, no deadline, no dead letters.
 */
import { randomUUID } from 'node:crypto';

import amqp from 'amqplib';

/** `wire: 'plain'` sends a small JSON object; `'celery'` the same protocol-2 message Celeriac sends. */
export async function openRaw(url, queue, wire) {
  const publishing = await amqp.connect(url, { noDelay: true });
  const consuming = await amqp.connect(url, { noDelay: true });
  const channel = await publishing.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  const build = wire === 'plain' ? plainMessage : celeryMessage;
  return {
    send: (index) =>
      new Promise((resolve, reject) => {
        const { body, options } = build(index);
        channel.publish('', queue, body, options, (error) => (error ? reject(error) : resolve()));
      }),
    async consume(handle) {
      const consumer = await consuming.createChannel();
      await consumer.prefetch(100);
      await consumer.consume(queue, async (message) => {
        const [args] = JSON.parse(message.content.toString());
        await handle(...args);
        consumer.ack(message);
      });
      return () => consumer.close();
    },
    async close() {
      await channel.deleteQueue(queue);
      await publishing.close();
      await consuming.close();
    },
  };
}

function plainMessage(index) {
  const id = randomUUID();
  return {
    body: Buffer.from(JSON.stringify([[index], { id, task: 'bench.noop' }])),
    options: { persistent: true, mandatory: true, messageId: id, contentType: 'application/json' },
  };
}

const origin = `gen${process.pid}@bench`;

function celeryMessage(index) {
  const id = randomUUID();
  const embed = { callbacks: null, errbacks: null, chain: null, chord: null };
  return {
    body: Buffer.from(JSON.stringify([[index], {}, embed])),
    options: {
      persistent: true,
      mandatory: true,
      messageId: id,
      correlationId: id,
      replyTo: '',
      priority: 0,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      headers: {
        lang: 'js',
        task: 'bench.noop',
        id,
        shadow: null,
        eta: null,
        expires: null,
        group: null,
        group_index: null,
        retries: 0,
        timelimit: [null, null],
        root_id: id,
        parent_id: null,
        argsrepr: `(${index},)`,
        kwargsrepr: '{}',
        origin,
        ignore_result: true,
        replaced_task_nesting: 0,
        stamped_headers: null,
        stamps: {},
      },
    },
  };
}
