/** Rows of the chaos table in which processes of the service end: killed, stopped, paused, told to stop. */
import { setTimeout as sleep } from 'node:timers/promises';

import { createPublisher } from '@celeriac/publisher';

import { waitFor } from '../wait-for.js';
import { mixedLoad } from './load.js';
import { type Row, type Sites, underLoad } from './row.js';
import type { ChaosRun } from './run.js';

const onNode = ({ node }: Sites) => node();

/** One task to the run's queue, beside the load. */
async function sendOne(run: ChaosRun, task: string, { id, args = [] }: { id: string; args?: unknown[] }) {
  const publisher = await createPublisher({
    config: { events: { connection_string: run.site.node().url }, tasks: { default_queue: run.queue } },
    env: {},
  });
  await publisher.send(task, args, { id });
  await publisher.close();
}

const count = (run: ChaosRun, what: string, id: string): number =>
  run.ledger.entries.filter((entry) => entry.what === what && entry.id === id).length;

/** Every one that was sent beside the load has ended so often. */
function endedEach(run: ChaosRun, prefix: string, times: number): string[] {
  const ids = new Set(run.ledger.entries.map(({ id }) => id).filter((id) => id.startsWith(prefix)));
  return [...ids]
    .filter((id) => count(run, 'end', id) !== times)
    .map((id) => `${id} ended ${count(run, 'end', id)} times, not ${times}`);
}

export const processRows: readonly Row[] = [
  underLoad({
    number: 1,
    title: 'a worker is killed (SIGKILL)',
    repetitions: 50,
    site: onNode,
    fault: (run) => run.fleet.replaceWorker(run.random),
  }),
  underLoad({
    number: 2,
    title: 'a worker dies between the end of a task and its acknowledgement',
    repetitions: 20,
    site: onNode,
    fault: async (run, _, index) => {
      const died = run.fleet.untilOneDies();
      await sendOne(run, 'chaos.die', { id: `die-${index}` });
      await died;
      await run.fleet.addWorker();
    },
    check: (_, run) => endedEach(run, 'die-', 2),
  }),
  underLoad({
    number: 3,
    title: 'a publisher is killed (SIGKILL)',
    repetitions: 50,
    site: onNode,
    fault: async ({ fleet, random }) => {
      await fleet.kill(fleet.publishers, random);
      await fleet.addPublisher();
    },
  }),
  underLoad({
    number: 7,
    title: 'a worker stands still for 20 s (SIGSTOP; heartbeat 5 s), then goes on',
    repetitions: 10,
    site: onNode,
    load: { longestTaskMs: 200 },
    fault: async (run) => {
      const { name, running } = run.fleet.workers[Math.floor(run.random() * run.fleet.workers.length)]!;
      running.kill('SIGSTOP');
      await waitFor(async () => (await run.view.queue(run.queue))?.consumerCount === 1, {
        what: 'the broker to give its messages to the other',
      });
      await sleep(2_000); // it runs them
      const from = Date.now();
      running.kill('SIGCONT');
      const isBack = async (): Promise<boolean> =>
        (await run.ledger.refresh()).some(
          ({ who, what, at }) => who === name && what === 'restored' && at > from,
        );
      await waitFor(isBack, { what: `${name} to be connected again` });
    },
    note: ({ abandoned }) => `${abandoned} settlements of the past withheld`,
  }),
  underLoad({
    number: 33,
    title: 'rolling deploys: every worker is told to stop (SIGTERM) and replaced',
    repetitions: 20,
    site: onNode,
    load: { ...mixedLoad, longestTaskMs: 100, mix: { ...mixedLoad.mix, failures: 0 } },
    fault: async ({ fleet }) => {
      for (let n = fleet.workers.length; n > 0; n--) {
        await fleet.stop(fleet.workers);
        await fleet.addWorker();
      }
    },
    check: ({ dead }) => (dead > 0 ? [`${dead} dead letters of deploys`] : []),
  }),
  underLoad({
    number: 34,
    title: 'a worker is told to stop in a task of 30 s, grace 1 s; every second time told twice',
    repetitions: 10,
    site: onNode,
    load: { graceSeconds: 1 },
    fault: async (run, _, index) => {
      const id = `long-${index}`;
      await sendOne(run, 'chaos.long', { id, args: [30_000] });
      const begun = await waitFor(async () => {
        const entries = await run.ledger.refresh();
        return entries.find((entry) => entry.what === 'begin' && entry.id === id);
      });
      const { workers } = run.fleet;
      workers.sort(({ name }) => (name === begun.who ? -1 : 1));
      const victim = workers[0]!.running;
      if (index % 2 === 0) {
        await run.fleet.stop(workers, [75]);
      } else {
        victim.kill('SIGTERM');
        await victim.line(/second signal|stopping/u, 100).catch(() => undefined);
        await run.fleet.stop(workers, [143, 75]);
      }
      await run.fleet.addWorker();
      run.boundOfOthers += run.load.concurrency; // what it did not end
    },
    check: (_, run) => endedEach(run, 'long-', 1),
  }),
];
