/** What beat sends and workers run, over the embedded broker: overlapping runs, signed and large ones, one command for both. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { filePayloadStore } from '@celeriac/core';
import { openBeatControl, type Overlapped } from '@celeriac/worker';
import { expect } from 'chai';

import { beatConfig, embedded, queue, WatchedBeat } from '../support/beat.js';
import { gate, WatchedWorker } from '../support/clients.js';
import { start } from '../support/processes.js';
import { signing } from '../support/signing.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

const modules = `
export function register(worker) {
  worker.task('tick', (by) => console.log('TICK ' + by));
}
export function schedule(beat) {
  beat.schedule('in-code', { task: 'tick', input: ['code'], every: '200ms' });
}
`;

describe('a worker of what beat sends', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-beat-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('gets no run while the last one goes on, where overlapping ones are skipped', async () => {
    const config = beatConfig('memory://overlaps', { slow: { task: 'slow', every: 0.1, overlap: 'skip' } });
    await using watched = new WatchedWorker(config);
    const first = gate();
    watched.worker.task('slow', () => first.opened);
    await using beat = new WatchedBeat(config);
    const overlapped: Overlapped[] = [];
    beat.beat.on('overlapped', (one) => overlapped.push(one));
    await watched.worker.start();
    await beat.beat.start();
    await using control = await openBeatControl({ config, env: {}, timeout: '30s' });

    await waitFor(() => overlapped.length >= 3, { what: 'runs that are left out' });
    expect(beat.sent.length).to.equal(1);
    const running = beat.sent[0]?.id;
    expect(new Set(overlapped.map((one) => one.running))).to.deep.equal(new Set([running]));
    expect(await control.run('slow')).to.deep.equal({ heeded: true, running });
    const [told] = (await control.schedules()).schedules;
    expect(told).to.include({ sent: 1, skipped: 0 });
    expect(told?.overlapped).to.be.at.least(3);

    first.open();
    await watched.untilSettled(3);
    await beat.beat.stop();
    expect(beat.sent.length).to.be.at.least(3);
  });

  it('gets runs that are signed, and large ones by reference', async () => {
    await using broker = await embedded();
    const payloadStore = filePayloadStore(directory);
    const text = 'x'.repeat(100_000);
    const schedules = { big: { task: 'big', every: 0.2, args: [text] } };
    const tasks = { default_queue: queue, payload_threshold: '64KiB', signing: signing('main') } as const;
    const config = { ...beatConfig(broker.url, schedules), tasks };
    await using watched = new WatchedWorker(config, { payloadStore });
    const lengths: number[] = [];
    watched.worker.task('big', (given: string) => lengths.push(given.length));
    await watched.worker.start();
    await using beat = new WatchedBeat(config, { payloadStore });
    await beat.beat.start();

    await watched.untilSettled(2);
    await beat.beat.stop();
    expect(new Set(lengths)).to.deep.equal(new Set([text.length]));
    expect(watched.settled.map(({ outcome }) => outcome.kind).includes('malformed')).to.equal(false);
  });

  it('may share a process with it: worker --beat, asked and told from the command line', async () => {
    await using broker = await embedded();
    await writeFile(join(directory, 'both.mjs'), modules);
    await writeFile(
      join(directory, 'celeriac.yaml'),
      "beat: {heartbeat: 2, schedules: {in-yaml: {task: tick, args: [yaml], cron: '0 0 1 1 *'}}}",
    );
    const env = { PATH: process.env.PATH, CELERIAC_EVENTS__CONNECTION_STRING: broker.url };
    const celeriac = (...args: string[]) => start(process.execPath, [main, ...args], { cwd: directory, env });
    const asked = async (...args: string[]): Promise<unknown> => {
      const running = celeriac('beat', ...args, '--timeout', '30s', '--json');
      expect(await running.exited, running.output()).to.equal(0);
      return JSON.parse(running.output());
    };
    const both = celeriac('worker', '--beat', '--require', './both.mjs', '--log-format', 'json');
    try {
      await both.line(/^TICK code/u);
      expect(await asked('pause', 'in-code')).to.deep.equal({ schedule: 'in-code', heeded: true });
      expect(await asked('run', 'in-yaml')).to.include({ schedule: 'in-yaml', heeded: true });
      await both.line(/^TICK yaml/u);
      const { active, schedules } = (await asked('schedules')) as {
        active: string;
        schedules: readonly { name: string; isPaused: boolean; sent: number }[];
      };
      expect(active).to.match(new RegExp(`:${both.pid}$`, 'u'));
      expect(schedules.map(({ name, isPaused }) => [name, isPaused])).to.deep.equal([
        ['in-yaml', false],
        ['in-code', true],
      ]);
    } finally {
      both.kill('SIGTERM');
    }
    expect(await both.exited, both.output()).to.equal(0);
    const none = celeriac('beat', 'pause', 'nobody', '--timeout', '1s');
    expect(await none.exited, none.output()).to.equal(0); // it waits for the next beat
  });
});
