/** `celeriac broker --data`: killed under load, stopped, started twice, and on a disk that is full. No RabbitMQ. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { virtualClock } from '@celeriac/testing';
import amqp, { type ChannelModel } from 'amqplib';
import { expect } from 'chai';

import { KillLedger, load, whatIsThere } from '../support/kill-ledger.js';
import { type Running, start } from '../support/processes.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const rounds = 8;

describe('celeriac broker --data', () => {
  let home: string;
  let data: string;
  const running: Running[] = [];
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'celeriac-home-'));
    data = join(home, 'data');
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    await rm(home, { recursive: true, force: true });
  });

  function celeriac(args: readonly string[], limit?: string): Running {
    const options = { cwd: home, env: { PATH: process.env.PATH, HOME: home } };
    const own = [main, 'broker', '--port', '0', '--data', data, ...args];
    const child =
      limit === undefined
        ? start(process.execPath, own, options)
        : start('bash', ['-c', `${limit}; exec "$@"`, 'bash', process.execPath, ...own], options);
    running.push(child);
    return child;
  }
  async function listening(limit?: string): Promise<{ broker: Running; url: string }> {
    const broker = celeriac(['--json'], limit);
    const port = /\d+/u.exec(await broker.line(/"port"/u))?.[0] ?? '';
    return { broker, url: `amqp://guest:guest@127.0.0.1:${port}` };
  }
  async function connected<T>(url: string, use: (connection: ChannelModel) => Promise<T>): Promise<T> {
    const connection = await amqp.connect(url);
    try {
      return await use(connection);
    } finally {
      await connection.close();
    }
  }

  it('keeps what it confirmed, once and in order, however often it is killed under load', async () => {
    const seed = Number(process.env.CELERIAC_SEED ?? Math.floor(Math.random() * 1e9));
    console.log(`      seed ${seed} (CELERIAC_SEED repeats it)`);
    const { random } = virtualClock({ seed });
    const ledger = new KillLedger();
    for (let round = 0; round < rounds; round++) {
      const { broker, url } = await listening();
      if (round > 0) ledger.check(await connected(url, whatIsThere), `round ${round}, seed ${seed}`);
      const until = ledger.confirmed.size + 100 + Math.floor(random() * 600);
      await load(url, { ledger, random, until, kill: () => broker.kill('SIGKILL') });
      expect(await broker.exited).to.equal('SIGKILL');
    }
    const { url } = await listening();

    ledger.check(await connected(url, whatIsThere), `at the end, seed ${seed}`);
    expect(ledger.seen.size).to.be.greaterThan(50);
    expect(ledger.gone.size).to.be.greaterThan(20);
    expect(await readdir(data), 'files were begun anew on the way').not.to.include('journal-000001');
  });

  it('says where it keeps things, and has them again after it was stopped', async () => {
    const first = celeriac([]);
    expect(await first.line(/celeriac/u)).to.match(
      /development and tests: it keeps what is durable in \/.*\/data$/u,
    );
    const address = /127\.0\.0\.1:\d+/u.exec(await first.line(/listening on/u))?.[0] ?? '';
    await first.line(/press Ctrl-C/u);
    await connected(`amqp://guest:guest@${address}`, async (connection) => {
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue('kept');
      await channel.assertQueue('gone', { durable: false });
      for (const persistent of [true, false]) channel.sendToQueue('kept', Buffer.from('x'), { persistent });
      await channel.waitForConfirms();
    });
    expect(await first.stop()).to.equal(0);

    const { url } = await listening();
    const [count, gone] = await connected(url, async (connection) => {
      const channel = await connection.createChannel();
      const { messageCount } = await channel.checkQueue('kept');
      channel.on('error', () => undefined); // 404 is what is asked for
      return [messageCount, await channel.checkQueue('gone').catch((error: unknown) => String(error))];
    });

    expect(count).to.equal(1);
    expect(gone).to.include('404');
  });

  it('ends with 78 when another process has its directory', async () => {
    const { broker } = await listening();
    const second = celeriac(['--json']);

    expect(await second.exited).to.equal(78);
    const { error } = JSON.parse(second.output()) as { error: { code: string; values: { pid: number } } };
    expect(error).to.include({ code: 'ERR_DATA_LOCKED' });
    expect(error.values.pid).to.equal(broker.pid);
  });

  it('is told so when --sync or the directory is missing, and does nothing', async () => {
    for (const args of [['--sync'], ['--data', '']]) {
      const child = start(process.execPath, [main, 'broker', '--port', '0', ...args], { cwd: home });
      running.push(child);
      expect(await child.exited, child.output()).to.equal(2);
    }
  });

  it('confirms nothing on a full disk, says so to clients and to its user, and lives on', async () => {
    const { broker, url } = await listening('ulimit -f 300'); // KiB
    const confirmed: number[] = [];
    const closed = await connectedUntilClosed(url, confirmed);

    expect(closed).to.match(/506.*RESOURCE_ERROR.*journal/u);
    expect(broker.output()).to.match(
      /confirms nothing.*ERR_JOURNAL_WRITE|confirms nothing.*cannot be written/u,
    );
    broker.kill('SIGKILL'); // it lives: otherwise it would have another code
    expect(await broker.exited).to.equal('SIGKILL');
    const next = await listening();
    const there = await connected(next.url, whatIsThere);
    expect(confirmed.length).to.be.greaterThan(5);
    expect(there.q?.map(({ id }) => id)).to.include.members(confirmed);
  });
});

/** Publishes until the broker closes the connection; gives what it said. */
async function connectedUntilClosed(url: string, confirmed: number[]): Promise<string> {
  const connection = await amqp.connect(url);
  const closed = new Promise<string>((resolve) =>
    connection.on('error', (error: Error) => resolve(error.message)),
  );
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined); // its end is that of the connection
  await channel.assertQueue('q');
  for (let id = 0; ; id++) {
    const options = { persistent: true, messageId: String(id) };
    const taken = await new Promise<boolean>((resolve) => {
      channel.sendToQueue('q', Buffer.alloc(20_000), options, (error: unknown) => resolve(error === null));
    });
    if (!taken) break;
    confirmed.push(id);
  }
  return closed;
}
