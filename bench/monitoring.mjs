/**
 * What events for monitors cost a worker: draining no-op tasks without any, with heartbeats only (the default), and with
 * task events, interleaved round by round in one run. Prints medians of processor time per task and of the rate, as ratios
 * to "without any". Nothing passes or fails by time. Run it after `npm run build`:
 *
 *   node bench/monitoring.mjs [--quick] [--url amqp://…]
 */
import { parseArgs } from 'node:util';

import { createPublisher } from '../packages/publisher/dist/index.js';
import { createWorker } from '../packages/worker/dist/index.js';
import { Rabbit } from '../tests/dist/support/rabbit.js';

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, url: { type: 'string' } } });
const node = options.url === undefined ? await Rabbit.start() : undefined;
const url = options.url ?? node.url.replace(/\/\/$/u, '');
const { rounds, count } = options.quick ? { rounds: 5, count: 5_000 } : { rounds: 9, count: 30_000 };

const sides = {
  'without any': { heartbeat_interval: 0, send_events: false },
  'heartbeats (default)': { send_events: false },
  'task events': { send_events: true },
};

const queue = `bench.monitoring.${process.pid}`;
const config = {
  service: 'bench',
  events: { connection_string: url },
  tasks: { default_queue: queue, max_unsettled_messages: 100_000 },
};
const publisher = await createPublisher({ config, env: {} });
await publisher.ready();

async function drain(handler) {
  for (let sent = 0; sent < count; sent += 1000)
    await Promise.all(Array.from({ length: 1000 }, (_, index) => publisher.send('noop', [index])));
  const worker = createWorker({
    config: { ...config, task_handler: { concurrency: 100, ...handler } },
    env: {},
  });
  let left = count;
  let done;
  const finished = new Promise((resolve) => (done = resolve));
  worker.task('noop', () => {
    if (--left === 0) done();
  });
  const cpu = process.cpuUsage();
  const start = performance.now();
  await worker.start();
  await finished;
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await worker.stop();
  return { rate: count / seconds, cpu: (user + system) / count };
}

const results = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
await drain(sides['without any']); // warm
for (let round = 0; round < rounds; round++) {
  const names = Object.keys(sides);
  for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)])
    results[name].push(await drain(sides[name]));
  process.stderr.write(`round ${round + 1} of ${rounds} done\n`);
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const figure = (name, key) => median(results[name].map((one) => one[key]));
for (const name of Object.keys(sides)) {
  const [rate, cpu] = [figure(name, 'rate'), figure(name, 'cpu')];
  const ratio = (key, value) => (value / figure('without any', key)).toFixed(3);
  console.log(
    `${name.padEnd(22)} ${rate.toFixed(0).padStart(7)} tasks/s (${ratio('rate', rate)})  ${cpu.toFixed(1).padStart(6)} µs processor/task (${ratio('cpu', cpu)})`,
  );
}
await publisher.close();
await node?.stop();
