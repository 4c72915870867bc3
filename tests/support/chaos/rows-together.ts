/** Rows of the chaos table with everything in them: faults as the dice fall, and Python's Celery on the same queue. */
import { seededRandom } from '@celeriac/core';

import { celeryPython, PythonWorker } from '../python.js';
import { mixedLoad, plainLoad } from './load.js';
import { reportOf, type Row, type RowOptions, type RowReport, underLoad } from './row.js';
import { ChaosRun } from './run.js';
import type { NodeSite } from './site.js';

type Kind = (run: ChaosRun, site: NodeSite) => Promise<unknown>;

const kinds: Readonly<Record<string, Kind>> = {
  killWorker: (run) => run.fleet.replaceWorker(run.random),
  resetConnections: (_, { proxy }) => {
    proxy.reset();
    return Promise.resolve();
  },
  closeFromBroker: (_, { nodes: [node] }) => node!.closeConnections('chaos'),
  stopWorker: async ({ fleet }) => {
    await fleet.stop(fleet.workers);
    await fleet.addWorker();
  },
  crashBroker: async (_, { nodes: [node] }) => {
    await node!.crash();
    await node!.up();
  },
};
const cheap = ['killWorker', 'resetConnections', 'stopWorker'] as const;

/** Every kind once, in random order, then more of the cheap ones. */
function schedule(run: ChaosRun): string[] {
  const known = schedules.get(run) ?? Object.keys(kinds).sort(() => run.random() - 0.5);
  schedules.set(run, known);
  return known;
}

const schedules = new WeakMap<ChaosRun, string[]>();

const pythonPrefetch = 4;

/** A worker of each language on the queue `celery`; in turn one of them is killed. */
async function mixedFleet({ sites, repetitions, seed, say }: RowOptions): Promise<RowReport> {
  const site = await sites.node();
  const load = { ...plainLoad, workers: 1, perSecond: 30, celery: true, queueType: 'classic' as const };
  await using run = await ChaosRun.open({ site, load, seed, random: seededRandom(seed), label: '54' });
  let workers = 0;
  const startPython = (): Promise<PythonWorker> =>
    PythonWorker.start(site.node().url, {
      app: 'chaos_app',
      env: { CHAOS_LEDGER: run.ledgerPath, CHAOS_NAME: `python${workers++}` },
    });
  let python = await startPython();
  run.otherConsumers = 1;
  try {
    for (let index = 0; index < repetitions; index++) {
      await run.strike(async () => {
        if (index % 2 === 0) return run.fleet.replaceWorker(run.random);
        await python.kill();
        run.boundOfOthers += pythonPrefetch;
        await python[Symbol.asyncDispose]();
        python = await startPython();
      });
      say(`${index + 1}/${repetitions}`);
    }
    const reckoning = await run.reckon();
    const ran = run.ledger.entries.filter(
      ({ what, who }) => what === 'end' && who.startsWith('python'),
    ).length;
    return { ...reportOf(reckoning), note: `${ran} of them run by Python` };
  } finally {
    await python[Symbol.asyncDispose]();
  }
}

export const togetherRows: readonly Row[] = [
  underLoad({
    number: 52,
    title: 'all kinds of faults, as the dice fall',
    repetitions: 40,
    site: ({ node }) => node(),
    load: mixedLoad,
    fault: (run, site, index) => {
      const kind = schedule(run)[index] ?? cheap[Math.floor(run.random() * cheap.length)]!;
      return kinds[kind]!(run, site);
    },
  }),
  {
    number: 54,
    title: 'a worker of ours and one of Python’s Celery share the queue `celery`: in turn one is killed',
    repetitions: 10,
    cannot: () => (celeryPython() === undefined ? 'no Python with Celery' : undefined),
    run: mixedFleet,
  },
];
