/**
 * `npm start`: finds a RabbitMQ for the example, or starts a private one for as long as the example runs, and runs
 * it. Exit code: that of the example; 69 when there is no RabbitMQ to be had.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { createPublisher } from '@celeriac/publisher';

import { Rabbit, rabbitBin } from '../tests/dist/support/rabbit.js';

const unavailable = 69; // EX_UNAVAILABLE of sysexits(3)
const variable = 'CELERIAC_EVENTS__CONNECTION_STRING';
const usual = 'amqp://guest@localhost//';

let stopped = false;
let example;
// The support code ends the process at a signal; here the example, then the node, are to end in good order.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.removeAllListeners(signal);
  process.on(signal, () => {
    stopped = true;
    example?.kill(signal);
  });
}

process.exitCode = await start();

async function start() {
  if (process.env[variable] !== undefined) {
    console.log(`RabbitMQ: the one that ${variable} names.`);
    return runExample({});
  }
  if (await answers()) {
    console.log(`RabbitMQ: ${usual}`);
    return runExample({ [variable]: usual });
  }
  if (rabbitBin() === undefined) {
    console.error(`No RabbitMQ answers at ${usual}, and none is installed. Either`);
    console.error('  install it: apt install rabbitmq-server, brew install rabbitmq;');
    console.error('  or start it: docker run --rm -p 5672:5672 rabbitmq:4;');
    console.error(`  or set ${variable} to the address of one.`);
    return unavailable;
  }
  console.log(`RabbitMQ: none answers at ${usual}; starting a private one, which takes some seconds.`);
  const node = await Rabbit.start();
  try {
    return await runExample({ [variable]: node.url });
  } finally {
    await node.stop();
  }
}

async function answers() {
  const publisher = await createPublisher({ env: {}, config: { events: { connection_string: usual } } });
  try {
    await publisher.ready({ timeout: '2s' });
    return true;
  } catch {
    return false;
  } finally {
    await publisher.close();
  }
}

async function runExample(env) {
  if (stopped) return 130;
  const main = fileURLToPath(new URL('../examples/dist/main.js', import.meta.url));
  example = spawn(process.execPath, [main], { env: { ...process.env, ...env }, stdio: 'inherit' });
  const [code] = await once(example, 'exit');
  return code ?? 1;
}
