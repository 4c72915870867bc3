/** Rows of the chaos table in which the one broker ends, stands still, hangs up or takes nothing. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitFor } from '../wait-for.js';
import { mixedLoad } from './load.js';
import { type Row, type Sites, underLoad } from './row.js';
import type { ChaosRun } from './run.js';

const onNode = ({ node }: Sites) => node();

/** No message is confirmed for this long. */
async function untilNothingIsConfirmed(run: ChaosRun, quietMs: number): Promise<void> {
  await waitFor(
    async () => {
      const last = (await run.ledger.refresh()).findLast(({ what }) => what === 'confirmed');
      return Date.now() - (last?.at ?? 0) > quietMs;
    },
    { what: 'publishers to be held', every: 100 },
  );
}

/** Nothing has ended for a while, and nothing is in the queue. */
async function isIdle(run: ChaosRun): Promise<boolean> {
  const last = (await run.ledger.refresh()).findLast(({ what }) => what === 'end')?.at ?? 0;
  return (await run.view.queue(run.queue))?.messageCount === 0 && Date.now() - last > 1_000;
}

/** Kilobytes. */
async function memoryOf(run: ChaosRun): Promise<number> {
  const sizes = run.fleet.publishers.map(async ({ running }) => {
    const status = await readFile(`/proc/${running.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]);
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Raises an alarm for a while; consumers go on, publishers wait and take no more memory. */
function alarm(on: readonly string[], off: readonly string[]): (run: ChaosRun) => Promise<void> {
  return async (run) => {
    const before = await memoryOf(run);
    await run.site.node().ctl(...on);
    await untilNothingIsConfirmed(run, 1_500);
    await sleep(2_000); // the alarm's length
    const grown = (await memoryOf(run)) - before;
    if (grown > 64 * 1024) run.broken.push(`publishers grew by ${grown} KiB while the broker was blocked`);
    await run.site.node().ctl(...off);
  };
}

const clearMemory = ['set_vm_memory_high_watermark', '0.6'];
const raiseMemory = ['set_vm_memory_high_watermark', '0.0000001'];

export const brokerRows: readonly Row[] = [
  underLoad({
    number: 4,
    title: 'the broker is killed (SIGKILL) and started again',
    repetitions: 20,
    site: onNode,
    load: mixedLoad,
    fault: async (_, { nodes: [node] }) => {
      await node!.crash();
      await node!.up();
    },
  }),
  underLoad({
    number: 5,
    title: 'the broker is stopped and started inside (`stop_app`, `start_app`)',
    repetitions: 10,
    site: onNode,
    load: mixedLoad,
    fault: async (_, { nodes: [node] }) => {
      await node!.ctl('stop_app');
      await node!.ctl('start_app');
    },
  }),
  underLoad({
    number: 6,
    title: 'the broker stands still for 20 s (SIGSTOP; heartbeat 5 s)',
    repetitions: 10,
    site: onNode,
    fault: async (run, { nodes: [node] }) => {
      const from = Date.now();
      node!.pause();
      const noticed = async (): Promise<boolean> => {
        const entries = await run.ledger.refresh();
        const lost = entries.filter(({ what, at }) => what === 'lost' && at > from);
        return (
          new Set(lost.map(({ who }) => who)).size === run.fleet.workers.length + run.fleet.publishers.length
        );
      };
      await waitFor(noticed, { within: 60_000, what: 'everybody to notice' });
      const took = Date.now() - from;
      if (took > 20_000) run.broken.push(`noticed after ${took} ms`);
      await sleep(Math.max(0, 20_000 - took));
      node!.resume();
    },
  }),
  underLoad({
    number: 14,
    title: 'the broker closes every connection, or one (320)',
    repetitions: 20,
    site: onNode,
    fault: async (run, { nodes: [node] }, index) => {
      if (index % 2 === 0) return node!.closeConnections('chaos');
      const all = await node!.connections('pid');
      const { pid = '' } = all[Math.floor(run.random() * all.length)]!;
      run.boundOfOthers += run.load.concurrency; // it may be a worker's other one, whose loss nobody is told of
      // It may be gone by now: it is the run's own, or the fault's.
      return node!.ctl('close_connection', pid, 'chaos').catch(() => undefined);
    },
  }),
  underLoad({
    number: 22,
    title: 'the queue is deleted under its consumers, when nothing is in it',
    repetitions: 10,
    site: onNode,
    fault: async (run, { nodes: [node] }) => {
      for (const { running } of run.fleet.publishers) running.kill('SIGSTOP');
      await waitFor(() => isIdle(run), { what: 'everything sent to be run' });
      await node!.deleteQueue(run.queue);
      for (const { running } of run.fleet.publishers) running.kill('SIGCONT');
      run.boundOfOthers += run.load.concurrency * run.load.workers;
    },
    check: (_, { ledger }) => {
      const lost = ledger.entries.filter(({ what }) => what === 'lost').length;
      return lost > 0 ? [`${lost} connections were lost`] : [];
    },
  }),
  underLoad({
    number: 19,
    title: 'memory alarm',
    repetitions: 10,
    site: onNode,
    fault: alarm(raiseMemory, clearMemory),
  }),
  underLoad({
    number: 20,
    title: 'disk alarm',
    repetitions: 5,
    site: onNode,
    fault: alarm(['set_disk_free_limit', '9999GB'], ['set_disk_free_limit', '50MB']),
  }),
  underLoad({
    number: 21,
    title: 'a worker and a publisher are told to stop while the broker is blocked',
    repetitions: 5,
    site: onNode,
    load: { ...mixedLoad, graceSeconds: 3 },
    fault: async (run) => {
      await run.site.node().ctl(...raiseMemory);
      await untilNothingIsConfirmed(run, 1_000);
      const { workers, publishers } = run.fleet;
      const [worker, publisher] = await Promise.all([
        run.fleet.stop(workers, [0, 75]),
        run.fleet.stop(publishers),
      ]);
      if (worker > 10_000) run.broken.push(`the worker took ${worker} ms to stop`); // grace 3 s, and two to close
      if (publisher > 10_000) run.broken.push(`the publisher took ${publisher} ms to stop`); // it waits 5 s for confirms
      run.boundOfOthers += run.load.concurrency; // what it did not end
      await run.site.node().ctl(...clearMemory);
      await run.fleet.addWorker();
      await run.fleet.addPublisher();
    },
  }),
];
