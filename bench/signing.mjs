/**
 * What a signature costs: signing and verifying a task message, in microseconds of processor time, by algorithm and body. Prints a
 * table; compares with nothing. Run it after `npm run build`: node bench/signing.mjs
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';

import { loadConfig, loadSigning, signingSink, systemClock } from '../packages/core/dist/index.js';

const rounds = 5;
const messages = 5_000;
const { privateKey } = generateKeyPairSync('ed25519');
const keys = {
  'hmac-sha256': randomBytes(32).toString('hex'),
  ed25519: privateKey.export({ type: 'pkcs8', format: 'pem' }),
};

function median(values) {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function perMessage(work) {
  const figures = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage(); // processor time: others may be at work here
    for (let count = 0; count < messages; count++) await work();
    const { user, system } = process.cpuUsage(start);
    figures.push((user + system) / messages);
  }
  return median(figures).toFixed(1);
}

const nothing = { publish: () => undefined };
for (const [algorithm, secret] of Object.entries(keys)) {
  const signing = { sign_with: 'k', require: true, keys: { k: { algorithm, secret } } };
  const config = await loadConfig({ tasks: { signing } }, { env: {} });
  const { signer, verifier } = (await loadSigning(config, systemClock)).tasks;
  for (const bytes of [1024, 64 * 1024]) {
    const headers = {
      task: 'billing.charge',
      id: 'd7a2b1b0-3f0e-4f7e-9d0b-1f2e3d4c5b6a',
      retries: 0,
      eta: null,
      expires: null,
    };
    const message = {
      exchange: '',
      routingKey: 'billing',
      body: Buffer.alloc(bytes, 'x'),
      properties: { messageId: 'm', replyTo: '', headers },
    };
    let sent;
    await signingSink({ publish: (one) => void (sent = one) }, signer).publish(message);
    const received = { ...sent, queue: 'billing' };
    if (!verifier.verify(received, 'task').ok) throw new Error('a good signature was refused');
    const base = await perMessage(() => nothing.publish(message));
    const sign = await perMessage(() => signingSink(nothing, signer).publish(message));
    const verify = await perMessage(() => verifier.verify(received, 'task'));
    console.log(
      `${algorithm}, ${bytes} bytes: sign ${sign} µs, verify ${verify} µs (the loop alone ${base} µs)`,
    );
  }
}
