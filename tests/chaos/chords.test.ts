/** Workers that die in the middle of a chord, at moments that a seed chooses: its body runs once, with every value. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { seededRandom } from '@celeriac/core';
import { chord, signature } from '@celeriac/publisher';
import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher } from '../support/clients.js';
import { type Running, start } from '../support/processes.js';
import { Redis, requireRedis } from '../support/redis.js';
import { waitFor } from '../support/wait-for.js';

const program = fileURLToPath(new URL('../support/programs/chord-worker.js', import.meta.url));
const parts = 12;
const seeds = [1, 2, 3, 4];

describe('a chord whose workers die', function () {
  let redis: Redis;
  let directory: string;

  before(async function () {
    requireRabbit(this);
    requireRedis(this);
    redis = await Redis.start();
    directory = await mkdtemp(join(tmpdir(), 'celeriac-chord-'));
  });

  after(async () => {
    await redis[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  for (const seed of seeds) {
    it(`runs its body once, with every value of its header (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const file = join(directory, `lines-${seed}`);
      const lines = async (): Promise<string[]> =>
        (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
      await using vhost = await Vhost.create();
      const config = configFor(vhost.url, { tasks: { default_queue: 'q', result_backend: redis.url } });
      await using client = await WatchedPublisher.open(config);
      const running: Running[] = [];
      const worker = async (most: number): Promise<Running> => {
        const one = start(process.execPath, [program, vhost.url, redis.url, file, String(most)]);
        running.push(one);
        await one.line(/^ready$/u);
        return one;
      };
      try {
        // One dies by itself when it has settled so many; one is killed when so many have begun.
        const dying = await worker(1 + Math.floor(random() * 6));
        const killed = await worker(0);
        const killAt = 1 + Math.floor(random() * parts);
        const header = Array.from({ length: parts }, (_, index) => signature('part', [index + 1]));
        const result = await client.publisher.sendWorkflow(chord(header, signature('body')));
        await waitFor(async () => (await lines()).length >= killAt);
        killed.kill('SIGKILL');
        await Promise.all([killed.exited, worker(0)]);

        expect(await result.result({ timeout: '120s' })).to.equal(78);
        dying.kill('SIGKILL');
        // What they held is delivered again, and is counted no second time.
        await waitFor(async () => (await vhost.depth('q')) === 0 && (await vhost.unacknowledged('q')) === 0);
        expect((await lines()).filter((line) => line.startsWith('body'))).to.deep.equal([`body ${parts} 78`]);
      } finally {
        await Promise.all(running.map((one) => (one.kill('SIGKILL'), one.exited)));
      }
    });
  }
});
