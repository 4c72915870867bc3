/**
 * Celeriac against raw amqplib on the same broker, interleaved round by round in one run, so that a slow machine
 * is slow for both. Prints medians and ratios; nothing passes or fails by time.
 *
 *   npm run bench -- [--quick] [--url amqp://…]   (or CELERIAC_BENCH_URL)
 *
 * Without an address it starts a private RabbitMQ node and stops it at the end.
 */
import { parseArgs } from 'node:util';

import { Rabbit } from '../tests/dist/support/rabbit.js';
import { openCeleriac } from './celeriac.mjs';
import { openRaw } from './raw.mjs';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, url: { type: 'string' } } });
const given = options.url ?? process.env.CELERIAC_BENCH_URL;
const node = given === undefined ? await Rabbit.start() : undefined;
const url = given ?? node.url.replace(/\/\/$/u, '');
const size = options.quick
  ? { rounds: 3, pipelined: 10_000, single: 1_000, latencySeconds: 3 }
  : { rounds: 7, pipelined: 30_000, single: 3_000, latencySeconds: 10 };

const sides = {
  celeriac: () => openCeleriac(url, `bench.celeriac.${process.pid}`),
  'raw, plain JSON': () => openRaw(url, `bench.plain.${process.pid}`, 'plain'),
  'raw, Celery message': () => openRaw(url, `bench.celery.${process.pid}`, 'celery'),
};

async function window(count, width, send) {
  let next = 0;
  const lane = async () => {
    while (next < count) await send(next++);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** Messages per second. */
async function rate(count, run) {
  const start = performance.now();
  await run();
  return count / ((performance.now() - start) / 1000);
}

/** Consumes the `count` messages that are in the queue. Timed from the first to the last: starting is another matter. */
async function drain(side, count) {
  let left = count;
  let done;
  let start;
  const finished = new Promise((resolve) => (done = resolve));
  const stop = await side.consume(() => {
    start ??= performance.now();
    if (--left === 0) done(performance.now());
  });
  const end = await finished;
  await stop();
  return (count - 1) / ((end - start) / 1000);
}

async function latency(side, seconds) {
  const samples = [];
  const sent = [];
  const stop = await side.consume((index) => {
    samples.push(performance.now() - sent[index]);
  });
  const total = seconds * 100;
  const start = performance.now();
  for (let index = 0; index < total; index++) {
    const due = start + index * 10;
    while (performance.now() < due)
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    sent[index] = performance.now();
    await side.send(index);
  }
  while (samples.length < total) await new Promise((resolve) => setTimeout(resolve, 5));
  await stop();
  samples.sort((a, b) => a - b);
  return { p50: samples[Math.floor(total * 0.5)], p99: samples[Math.floor(total * 0.99)] };
}

const results = new Map();
function note(measure, side, value) {
  const key = `${measure}|${side}`;
  results.set(key, [...(results.get(key) ?? []), value]);
}
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

for (let round = 0; round < size.rounds; round++) {
  const names = Object.keys(sides);
  // Another order each round: whoever goes first meets a colder broker.
  for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
    const side = await sides[name]();
    await window(500, 100, side.send);
    await drain(side, 500); // both paths are warm, and the queue is empty
    note(
      'enqueue, window 1000 (msg/s)',
      name,
      await rate(size.pipelined, () => window(size.pipelined, 1000, side.send)),
    );
    note('drain no-op, late ack (msg/s)', name, await drain(side, size.pipelined));
    note(
      'enqueue, one by one (msg/s)',
      name,
      await rate(size.single, () => window(size.single, 1, side.send)),
    );
    await drain(side, size.single);
    const { p50, p99 } = await latency(side, size.latencySeconds);
    note('latency at 100/s, p50 (ms)', name, p50);
    note('latency at 100/s, p99 (ms)', name, p99);
    await side.close();
  }
  process.stderr.write(`round ${round + 1} of ${size.rounds} done\n`);
}

const measures = [...new Set([...results.keys()].map((key) => key.split('|')[0]))];
for (const measure of measures) {
  console.log(`\n${measure}`);
  const own = median(results.get(`${measure}|celeriac`));
  for (const name of Object.keys(sides)) {
    const value = median(results.get(`${measure}|${name}`));
    const ratio = name === 'celeriac' ? '' : `   celeriac / this: ${(own / value).toFixed(2)}`;
    console.log(`  ${name.padEnd(20)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)}${ratio}`);
  }
}
await node?.stop();
