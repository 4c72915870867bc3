/**
 * `npm start`: runs the example against RabbitMQ. Takes the broker that CELERIAC_EVENTS__CONNECTION_STRING names, else
 * one that answers on this machine, else starts a private node and stops it at the end.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';

import { Rabbit, rabbitBin } from '../tests/dist/support/rabbit.js';

const variable = 'CELERIAC_EVENTS__CONNECTION_STRING';

async function answers(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false; // nothing listens
  } finally {
    socket.destroy();
  }
}

async function privateNode() {
  if (rabbitBin() === undefined) {
    console.error(
      'No RabbitMQ: nothing answers on port 5672, and rabbitmq-server is not installed.\n' +
        `Install it (Debian, Ubuntu: apt install rabbitmq-server; macOS: brew install rabbitmq), or set ${variable}.`,
    );
    process.exit(69);
  }
  console.log('starting a private RabbitMQ node, which takes some seconds …');
  return Rabbit.start();
}

const isGiven = process.env[variable] !== undefined;
const node = isGiven || (await answers(5672)) ? undefined : await privateNode();
const env = node === undefined ? process.env : { ...process.env, [variable]: node.url };
const example = spawn(process.execPath, ['examples/dist/main.js'], { stdio: 'inherit', env });
// The terminal sends the signal to the example as well; here it only must not end us before the node is stopped.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => example.kill(signal));
const [code] = await once(example, 'exit');
await node?.stop();
process.exitCode = code ?? 1;
