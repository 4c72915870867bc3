/** Signatures where messages take other ways: pools, the thread of the connections, the outbox; and keys that never show. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

import { type DevBroker, startBroker } from '@celeriac/dev-broker';
import { createOutbox, MemoryDatabase, MemoryOutboxStore, OutboxRelay } from '@celeriac/outbox';
import { expect } from 'chai';

import { configFor, WatchedPublisher, WatchedWorker } from '../support/clients.js';
import { handlers } from '../support/pool-scene.js';
import { start } from '../support/processes.js';
import { signedConfig, signing } from '../support/signing.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const strict = signing('worker', ['main'], { require: true });
const web = signing('main');

describe('signatures', () => {
  let broker: DevBroker;

  beforeEach(async () => {
    broker = await startBroker({ port: 0 });
  });

  afterEach(async () => {
    await broker.stop();
  });

  for (const pool of ['threads', 'processes'] as const) {
    for (const io of ['thread', 'inline'] as const) {
      it(`are verified and made for tasks in ${pool}, connections ${io}`, async () => {
        const config = signedConfig(broker.url, strict, { task_handler: { pool, concurrency: 2, io } });
        await using watched = new WatchedWorker(config, { handlers });
        await watched.worker.start();
        await using sender = await WatchedPublisher.open(signedConfig(broker.url, web));
        await using stranger = await WatchedPublisher.open(configFor(broker.url));

        await sender.publisher.send('send-on', [41]);
        await stranger.publisher.send('add', [1, 1]);

        const settled = await watched.untilSettled(3);
        expect(settled.map(({ name, outcome: { kind } }) => `${name} ${kind}`)).to.have.members([
          'send-on succeeded',
          'add succeeded',
          'add untrusted',
        ]);
      });
    }
  }

  it('of messages from an outbox are made by the relay, when it publishes', async () => {
    const store = new MemoryOutboxStore();
    const outbox = await createOutbox({ store, config: configFor(broker.url), env: {} });
    await new MemoryDatabase().transaction((tx) => outbox.send(tx, 'note', ['written']));
    await using sender = await WatchedPublisher.open(signedConfig(broker.url, web));
    const relay = new OutboxRelay({ store, publisher: sender.publisher }).start();
    await using watched = new WatchedWorker(signedConfig(broker.url, strict));
    watched.worker.task('note', () => 0);
    await watched.worker.start();

    const [settled] = await watched.untilSettled(1);
    await relay.stop();

    expect(settled?.outcome.kind).to.equal('succeeded');
  });

  it('and their keys, like passwords, show nowhere: in no object, log line, error or output of a command', async () => {
    const canary = 'c4nary-c4nary-c4nary-c4nary-c4nary';
    const keys = { main: { secret: canary }, worker: { secret: canary } };
    const config = signedConfig(broker.url, { sign_with: 'main', require: true, keys });
    const watched = new WatchedWorker(config);
    watched.worker.task('note', () => {
      throw new Error('no');
    });
    const description = await watched.worker.start();
    await using sender = await WatchedPublisher.open(config);
    await using stranger = await WatchedPublisher.open(signedConfig(broker.url, web));
    await sender.publisher.send('note', [1]);
    await stranger.publisher.send('note', [1]);
    await watched.untilSettled(2);
    const shown = [watched.worker, sender.publisher, description, ...watched.settled].map((one) =>
      inspect(one, { depth: 12, showHidden: true }),
    );
    await watched.worker.stop();

    const lines = [...watched.log.raw, ...sender.log.raw];
    expect(lines.length).to.be.above(4);
    for (const text of [...shown, ...lines, ...(await outputs(broker.url, canary))])
      expect(text).not.to.include(canary.slice(0, 20));
  });
});

/** Everything that commands say which were given the canary as the broker's password and as a key, at most length. */
async function outputs(url: string, canary: string): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'celeriac-canary-'));
  const secret = 'CELERIAC_TASKS__SIGNING__KEYS__MAIN__SECRET';
  const env = {
    PATH: process.env.PATH,
    NODE_DEBUG: 'net,tls',
    CELERIAC_EVENTS__CONNECTION_STRING: `amqp://guest:${canary}@${new URL(url).host}`,
    CELERIAC_LOGGING__LEVEL: 'debug',
    CELERIAC_TASKS__SIGNING__SIGN_WITH: 'main',
    CELERIAC_TASKS__SIGNING__REQUIRE: 'true',
  };
  const commands: readonly (readonly [readonly string[], NodeJS.ProcessEnv])[] = [
    [['worker', '--require', './handlers.mjs'], { ...env, [secret]: canary }],
    [['send', 'note', '--args', '[1]', '--timeout', '5s'], { ...env, [secret]: canary }],
    [['dlq', 'list', '--timeout', '5s'], { ...env, [secret]: canary }],
    [['config', 'print'], { ...env, [secret]: canary }],
    [['config', 'print'], { ...env, [secret]: canary, CELERIAC_TASKS__SIGNING__WINDOW: canary }],
    [['send', 'note'], { ...env, [secret]: canary.slice(0, 20) }],
  ];
  try {
    await writeFile(
      join(directory, 'handlers.mjs'),
      `export const register = (worker) => worker.task('note', () => 0);`,
    );
    const running = commands.map(([args, own]) =>
      start(process.execPath, [main, ...args], { cwd: directory, env: own }),
    );
    const ended = await Promise.all(running.map(({ exited }) => exited));
    const all = running.map(({ output }) => output());
    await waitFor(() => all.every((text) => text.length > 0), { what: 'output of every command' });
    expect(ended[0], all[0]).not.to.equal(0); // the password is wrong
    return all;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
