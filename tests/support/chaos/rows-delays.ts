/** Rows of the chaos table about time: tasks that wait in the broker, patience of the broker, clocks that are wrong. */
import { seededRandom } from '@celeriac/core';
import { createPublisher } from '@celeriac/publisher';

import { waitFor } from '../wait-for.js';
import { type Load, plainLoad } from './load.js';
import { reportOf, type Row, type RowOptions, type RowReport, type Sites, underLoad } from './row.js';
import { ChaosRun, type Reckoning } from './run.js';

const onNode = ({ node }: Sites) => node();
const hour = 3_600_000;

/** A thousand tasks that are due within half a minute; the broker is killed while they wait. */
const thousandDelayed: Partial<Load> = {
  publishers: 0,
  perSecond: 400,
  count: 500,
  mix: { retries: 0, failures: 0, delays: { share: 1, fromMs: 5_000, toMs: 25_000 } },
};

async function delayedOverACrash(run: ChaosRun): Promise<Reckoning> {
  await run.fleet.addPublisher();
  await run.fleet.addPublisher();
  await run.fleet.publishersDone();
  const node = run.site.node();
  await node.flush(); // the delay queues may be new
  await run.strike(async () => {
    await node.crash();
    await node.up();
  });
  return run.reckon();
}

/** Each repetition is a run of its own. */
async function repeated(
  { sites, repetitions, seed, say }: RowOptions,
  one: (options: { site: Awaited<ReturnType<Sites['node']>>; index: number }) => Promise<RowReport>,
): Promise<RowReport> {
  const site = await sites.node();
  const reports: RowReport[] = [];
  for (let index = 0; index < repetitions; index++) {
    reports.push(await one({ site, index }));
    say(`${index + 1}/${repetitions}, seed ${seed + index}`);
  }
  return sumOf(reports);
}

export function sumOf(reports: readonly RowReport[]): RowReport {
  const sum = (key: keyof RowReport): number => reports.reduce((all, one) => all + Number(one[key]), 0);
  const most = (key: keyof RowReport): number => Math.max(0, ...reports.map((one) => Number(one[key])));
  const notes = reports.flatMap(({ note }) => note ?? []);
  return {
    ...{ faults: sum('faults'), confirmed: sum('confirmed'), unknown: sum('unknown') },
    ...{ refused: sum('refused'), lost: sum('lost'), again: sum('again'), twice: sum('twice') },
    ...{ bound: sum('bound'), dead: sum('dead'), abandoned: sum('abandoned') },
    ...{ publishGapMs: most('publishGapMs'), workGapMs: most('workGapMs') },
    recoveredMs: most('recoveredMs'),
    broken: reports.flatMap(({ broken }) => broken),
    ...(notes.length > 0 && { note: [...new Set(notes)].join('; ') }),
  };
}

const skews = [hour, -15_000, 10 * 365 * 24 * hour];

/** Workers whose clock is wrong; what is delayed is so by a clock that is right, and is late by what theirs is behind. */
async function wrongClock(options: RowOptions): Promise<RowReport> {
  return repeated(options, async ({ site, index }) => {
    const clockAheadMs = skews[index % skews.length]!;
    const delays = { share: 0.3, fromMs: 1_000, toMs: 6_000 };
    const load = { ...plainLoad, clockAheadMs, count: 200, publishers: 0, mix: { ...plainLoad.mix, delays } };
    const seed = options.seed + index;
    const base = { site, load, seed, random: seededRandom(seed), label: '43' };
    await using run = await ChaosRun.open(base);
    await run.fleet.addPublisher();
    await run.fleet.publishersDone();
    return { ...reportOf(await run.reckon()), faults: 1 };
  });
}

export const delayRows: readonly Row[] = [
  underLoad({
    number: 26,
    title: 'the broker loses patience with a task (`consumer_timeout` 5 s, looked at each minute)',
    repetitions: 1,
    site: onNode,
    fault: async (run, { nodes: [node] }, index) => {
      const id = `long-${index}`;
      await node!.ctl('eval', 'application:set_env(rabbit, consumer_timeout, 5000).');
      // Channels have the patience that was set when they were opened.
      for (let n = run.fleet.workers.length; n > 0; n--) await run.fleet.replaceWorker(() => 0);
      const publisher = await createPublisher({
        config: { events: { connection_string: node!.url }, tasks: { default_queue: run.queue } },
        env: {},
      });
      await publisher.send('chaos.long', [150_000], { id });
      await publisher.close();
      const ended = async (): Promise<boolean> =>
        (await run.ledger.refresh()).some((entry) => entry.what === 'end' && entry.id === id);
      await waitFor(ended, { within: 180_000, what: 'it to run again' });
      await node!.ctl('eval', 'application:set_env(rabbit, consumer_timeout, 1800000).');
      if (run.ledger.entries.filter(({ what, id: one }) => what === 'begin' && one === id).length < 2)
        run.broken.push('the broker did not lose patience');
      run.boundOfOthers += run.load.concurrency * run.load.workers;
    },
  }),
  {
    number: 36,
    title: 'the broker is killed (SIGKILL) while 1,000 delayed tasks wait in it',
    repetitions: 5,
    run: (options) =>
      repeated(options, async ({ site, index }) => {
        const seed = options.seed + index;
        const load = { ...plainLoad, ...thousandDelayed };
        await using run = await ChaosRun.open({ site, load, seed, random: seededRandom(seed), label: '36' });
        return reportOf(await delayedOverACrash(run));
      }),
  },
  {
    number: 43,
    title: 'the clock of the workers is an hour ahead, 15 s behind, ten years ahead: in turn',
    repetitions: 3,
    run: wrongClock,
  },
];
