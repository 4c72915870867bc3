/** Beat processes on RabbitMQ: one active of two, over restarts, kills and a process that is stopped and woken (K05-2). */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { copies, queue, written } from '../support/beat.js';
import { requireRabbit } from '../support/broker.js';
import { Place } from '../support/place.js';
import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));
const everyMs = 500;

const config = (url: string): string => `
events: {connection_string: "${url}", reconnect_max_delay: 1s}
tasks: {default_queue: ${queue}}
beat: {heartbeat: 1, schedules: {tick: {task: t, every: ${everyMs}ms}}}
`;

const active = /beat is active"/u;
const sent = /"message":"sent"|"sent"/gu;
const runs = ({ output }: Running): number => output().match(sent)?.length ?? 0;

describe('beat processes', function () {
  before(function () {
    requireRabbit(this);
  });

  it('send each run once over a restart; a kill doubles one at most, a woken process none', async function () {
    this.timeout(180_000);
    await using place = await Place.open('RabbitMQ');
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-beat-'));
    const file = join(directory, 'celeriac.yaml');
    await writeFile(file, config(place.url));
    const all: Running[] = [];
    const begin = async (): Promise<Running> => {
      const args = [main, 'beat', '--config', file, '--log-level', 'debug', '--log-format', 'json'];
      const one = start(process.execPath, args);
      all.push(one);
      await one.line(/"consuming"/u);
      return one;
    };
    const more = async (one: Running): Promise<void> => {
      await one.line(active);
      const before = runs(one);
      await waitFor(() => runs(one) > before + 1, { what: 'two more runs' });
    };
    try {
      const first = await begin();
      await more(first);
      const second = await begin();
      first.kill('SIGTERM');
      expect(await first.exited).to.equal(0);
      await more(second);

      const third = await begin();
      second.kill('SIGKILL');
      await more(third);

      const fourth = await begin();
      third.kill('SIGSTOP');
      await more(fourth);
      third.kill('SIGCONT');
      await third.line(/beat is not active any more|"connection lost"|turn of this beat is over/u);
      await more(fourth);

      for (const one of [third, fourth]) {
        one.kill('SIGTERM');
        expect(await one.exited).to.equal(0);
      }
      const state = await written(place, 'tick');
      const found = copies((await place.take(queue)).map(({ id }) => id));
      expect(found.size, 'each run').to.equal((state.lastAt - state.anchor) / everyMs);
      expect(state.skipped).to.equal(0);
      const doubled = [...found.values()].reduce((sum, count) => sum + count - 1, 0);
      expect(doubled, 'a kill and a stop').to.be.at.most(2);
    } finally {
      for (const one of all) one.kill('SIGKILL');
      await Promise.all(all.map(({ exited }) => exited));
      await rm(directory, { recursive: true });
    }
  });
});
