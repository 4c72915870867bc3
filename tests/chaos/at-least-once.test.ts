import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { isCeleriacError } from '@celeriac/core';
import { createPublisher, type Publisher } from '@celeriac/publisher';
import { virtualClock } from '@celeriac/testing';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { type Running, start } from '../support/processes.js';
import { Rabbit } from '../support/rabbit.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/ledger-worker.js', import.meta.url));
const queue = 'chaos';
const faults = 10;

interface Ledger {
  readonly confirmed: Set<string>;
  readonly unknown: Set<string>;
  readonly rejected: Set<string>;
}

/** Sends without pause until told to stop: one in twenty fails by design. */
async function sendUntil(
  stopped: () => boolean,
  publisher: Publisher,
  random: () => number,
): Promise<Ledger> {
  const ledger: Ledger = { confirmed: new Set(), unknown: new Set(), rejected: new Set() };
  let index = 0;
  const lane = async (): Promise<void> => {
    while (!stopped()) {
      const id = `id-${index++}`;
      const task = index % 20 === 0 ? 'chaos.fail' : 'chaos.work';
      try {
        await publisher.send(task, task === 'chaos.work' ? [Math.floor(random() * 20)] : [], {
          id,
          timeout: '20s',
        });
        ledger.confirmed.add(id);
      } catch (error) {
        const outcome = isCeleriacError(error) ? error.values.outcome : undefined;
        (outcome === 'unknown' ? ledger.unknown : ledger.rejected).add(id);
      }
      await sleep(5);
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  return ledger;
}

describe('under random faults', function () {
  let rabbit: Rabbit | undefined;
  let directory: string | undefined;

  before(async function () {
    requireRabbit(this);
    rabbit = await Rabbit.start();
    directory = await mkdtemp(join(tmpdir(), 'celeriac-chaos-'));
  });

  after(async () => {
    await rabbit?.stop();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  });

  it('every confirmed id ran to its end or is in the dead-letter queue', async () => {
    if (rabbit === undefined || directory === undefined) throw new Error('no node');
    const node = rabbit;
    const seed = Number(process.env.CELERIAC_SEED ?? Math.floor(Math.random() * 1e9));
    console.log(`      seed ${seed} (CELERIAC_SEED repeats it)`);
    const { random } = virtualClock({ seed });
    await using vhost = await Vhost.create(node);
    await using proxy = await TcpProxy.start(node.port);
    const url = vhost.url.replace(`:${node.port}`, `:${proxy.port}`);
    const file = join(directory, 'ran');
    await writeFile(file, '');
    const workers: Running[] = [];
    const addWorker = (): void => void workers.push(start('node', [program, url, queue, file]));
    addWorker();
    addWorker();
    const publisher = await createPublisher({
      config: {
        events: { connection_string: url, publisher_heartbeat: 5, reconnect_max_delay: 2 },
        tasks: { default_queue: queue },
      },
      env: {},
    });
    const killWorker = async (): Promise<void> => {
      const [victim] = workers.splice(Math.floor(random() * workers.length), 1);
      victim?.kill('SIGKILL');
      await victim?.exited;
      addWorker();
    };
    const kinds = {
      killWorker,
      resetConnections: () => {
        proxy.reset();
        return Promise.resolve();
      },
      closeFromBroker: () => node.closeConnections('chaos'),
      stopWorker: async () => {
        const [victim] = workers.splice(0, 1);
        await victim?.stop();
        addWorker();
      },
      crashBroker: async () => {
        await node.crash();
        await node.up();
      },
    };
    // Every kind once, in random order, then more of the cheap ones.
    const cheap = ['killWorker', 'resetConnections'] as const;
    const schedule = Object.keys(kinds).sort(() => random() - 0.5) as (keyof typeof kinds)[];
    while (schedule.length < faults)
      schedule.push(cheap[Math.floor(random() * cheap.length)] ?? 'killWorker');

    let stopped = false;
    const sending = sendUntil(() => stopped, publisher, random);
    // RabbitMQ answers a declaration a while before it is on disk: a crash in between would be the queue's end.
    await waitFor(async () => (await vhost.consumers(queue)) === 2, { what: 'both workers to consume' });
    await node.flush();
    for (const kind of schedule) {
      await sleep(500 + random() * 1500);
      await kinds[kind]();
    }
    stopped = true;
    const { confirmed, unknown, rejected } = await sending;
    await waitFor(async () => (await vhost.depth(queue)) === 0, {
      within: 120_000,
      what: 'the queue to be drained',
    });
    for (const worker of workers) await worker.stop();
    await publisher.close();

    const ran = (await readFile(file, 'utf8')).split('\n').filter((id) => id !== '');
    const dead = (await vhost.take(`${queue}.dead-letter`)).map(({ properties }) =>
      String(properties.messageId),
    );
    const done = new Set([...ran, ...dead]);
    const lost = [...confirmed].filter((id) => !done.has(id));
    const twice = ran.length - new Set(ran).size;
    console.log(
      `      ${schedule.join(', ')}\n      ${confirmed.size} confirmed, ${unknown.size} unknown, ${rejected.size} rejected; ${ran.length} ran (${twice} again), ${dead.length} dead-lettered`,
    );
    expect(confirmed.size).to.be.greaterThan(500);
    expect(lost).to.deep.equal([]);
  });
});
