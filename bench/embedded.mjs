/**
 * The embedded broker by itself: how fast raw amqplib publishes to it and consumes from it, the broker in one process
 * and the client in another. Prints medians; nothing passes or fails by time.
 *
 *   npm run bench:embedded -- [--quick]
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import amqp from 'amqplib';

const { values: options } = parseArgs({
  options: { quick: { type: 'boolean' }, serve: { type: 'boolean' } },
});
const rounds = options.quick ? 3 : 7;
const count = options.quick ? 20_000 : 60_000;
const batch = 1_000;
const prefetch = 100;

if (options.serve) await serve();
else await measure();

/** This file again, as the broker's process. */
async function serve() {
  const { startBroker } = await import('../packages/dev-broker/dist/index.js');
  const broker = await startBroker();
  process.once('disconnect', () => void broker.stop());
  process.send({ url: broker.url });
}

async function measure() {
  const child = fork(fileURLToPath(import.meta.url), ['--serve']);
  const [{ url }] = await once(child, 'message');
  for (const bytes of [100, 1_024]) {
    const published = [];
    const consumed = [];
    await round(url, { bytes, messages: count / 4 }); // both are warm then
    for (let number = 0; number < rounds; number++) {
      const rates = await round(url, { bytes, messages: count });
      published.push(rates.published);
      consumed.push(rates.consumed);
    }
    console.log(`${bytes} bytes`);
    console.log(`  publish, confirmed, batches of ${batch}   ${median(published)} msg/s`);
    console.log(`  consume and ack, prefetch ${prefetch}        ${median(consumed)} msg/s`);
  }
  child.disconnect();
  await once(child, 'exit');
}

async function round(url, { bytes, messages }) {
  const connection = await amqp.connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('bench', { durable: true });
  const published = await rate(messages, () => publish(channel, bytes, messages));
  await channel.prefetch(prefetch);
  const consumed = await rate(messages, () => consume(channel, messages));
  await channel.deleteQueue('bench');
  await connection.close();
  return { published, consumed };
}

async function publish(channel, bytes, messages) {
  const body = Buffer.alloc(bytes, 'x');
  for (let sent = 0; sent < messages; sent += batch) {
    for (let index = 0; index < batch; index++) channel.sendToQueue('bench', body, { persistent: true });
    await channel.waitForConfirms();
  }
}

async function consume(channel, messages) {
  let left = messages;
  let done;
  const finished = new Promise((resolve) => (done = resolve));
  const { consumerTag } = await channel.consume('bench', (message) => {
    channel.ack(message);
    if (--left === 0) done();
  });
  await finished;
  await channel.cancel(consumerTag);
}

/** Messages per second. */
async function rate(messages, run) {
  const start = performance.now();
  await run();
  return messages / ((performance.now() - start) / 1000);
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)])
    .toString()
    .padStart(7);
}
