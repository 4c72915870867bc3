/**
 * `npm start`: finds a broker for the example, or starts the embedded one for as long as the example runs, and runs
 * it. Exit code: that of the example.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { findDevelopmentBroker } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { createPublisher } from '@celeriac/publisher';

const variable = 'CELERIAC_EVENTS__CONNECTION_STRING';
const usual = 'amqp://guest@localhost//';

let stopped = false;
let example;
// The example, then the broker, are to end in good order.
for (const signal of ['SIGINT', 'SIGTERM']) {
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
  const found = await findDevelopmentBroker(process.env);
  if (found !== undefined) {
    console.log(`The broker of celeriac broker, process ${found.pid}.`);
    return runExample({ [variable]: found.url });
  }
  if (await answers()) {
    console.log(`RabbitMQ: ${usual}`);
    return runExample({ [variable]: usual });
  }
  console.log(
    `Embedded broker, for development and tests: it keeps nothing. ${variable} names a RabbitMQ instead.`,
  );
  const broker = await startBroker();
  try {
    return await runExample({ [variable]: broker.url });
  } finally {
    await broker.stop();
  }
}

async function answers() {
  const publisher = await createPublisher({ env: {}, config: { events: { connection_string: usual } } });
  const failed = new Promise((resolve) => publisher.on('connect-failed', () => resolve(false)));
  const ready = publisher.ready({ timeout: '2s' }).then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([ready, failed]);
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
