/**
 * The example: starts a worker process, publishes what happens to thousands of airports, sends thousands of tasks,
 * shows the progress, and checks the worker's numbers against a direct computation. Exit code 0 when they are
 * equal, 1 when not or when something failed, 130 after Ctrl-C.
 */
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { createPublisher, type Publisher } from '@celeriac/publisher';
import { createLogger, createWorker } from '@celeriac/worker';

import { cleanUp } from './clean-up.js';
import {
  applications,
  configFile,
  findNearest,
  publishReport,
  reportCreated,
  runConfig,
} from './contracts.js';
import { type Airport, loadAirports } from './dataset.js';
import { directCounts, directSums, sum } from './direct.js';
import { type Change, history } from './history.js';
import { Progress } from './progress.js';
import type { Report, Sums } from './report.js';
import { startWorker } from './worker-process.js';

const longestRun = 120_000; // milliseconds
const run = `example-${process.pid}`;
const common = {
  config: configFile,
  overrides: runConfig(run),
  logger: createLogger({ level: 'warn' }),
};

const ended = new AbortController();
const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interrupted.abort());
const signal = AbortSignal.any([interrupted.signal, ended.signal, AbortSignal.timeout(longestRun)]);

try {
  process.exitCode = (await example()) ? 0 : 1;
} catch (error) {
  if (interrupted.signal.aborted) console.error('\nInterrupted: everything is stopped.');
  else console.error(`\nThe example failed: ${inWords(error)}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}

/** True when every number is what it should be. */
async function example(): Promise<boolean> {
  const airports = await loadAirports();
  const progress = new Progress();
  const reports = new EventEmitter<{ report: [Report] }>();

  await using publisher = await createPublisher(common); // closed at the end, whatever happens
  await unlessAborted(publisher.ready()); // says at once when the broker refuses us
  const worker = startWorker(run);
  // This process receives events, too: the reports that it asks the other one for.
  const dashboard = createWorker(common);
  dashboard.application(applications.dashboard).on(reportCreated, ({ values }) => {
    if (values !== undefined) reports.emit('report', values);
  });
  try {
    progress.show('starting the worker process');
    await unlessAborted(Promise.all([dashboard.start(), worker.ready]));
    const work = Promise.all([
      publishAll(publisher, airports),
      watch(publisher, reports, { airports, progress }),
    ]);
    const [, report] = await unlessAborted(Promise.race([work, worker.died]));
    progress.end();
    return summary(report, airports, progress.seconds);
  } finally {
    ended.abort(); // whatever still waits, waits no more
    await Promise.all([worker.stop(), dashboard.stop()]);
    await cleanUp(run).catch((error: unknown) => {
      console.error(`Queues that begin with '${run}.' are left on the broker: ${inWords(error)}`);
    });
  }
}

/** Publishes every event, phase by phase, then sends one task per airport. */
async function publishAll(publisher: Publisher, airports: readonly Airport[]): Promise<void> {
  for (const phase of history(airports)) {
    await inLanes(phase, async ({ event, ...change }: Change) => {
      await publisher.publishEvent(event, change);
    });
  }
  await publisher.sendMany(
    findNearest,
    airports.map(({ id }) => ({ id })),
  );
}

/** At most 200 at a time: each resolves when the broker has confirmed it. */
async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values(); // shared: each lane takes the next
  const lane = async (): Promise<void> => {
    for (const item of rest) {
      signal.throwIfAborted();
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: 200 }, lane));
}

/** Asks for reports until one says that everything is handled; resolves with that one. */
async function watch(
  publisher: Publisher,
  reports: EventEmitter<{ report: [Report] }>,
  { airports, progress }: { airports: readonly Airport[]; progress: Progress },
): Promise<Report> {
  const expected = sum(Object.values(directCounts(airports)));
  for (;;) {
    const [[report]] = (await Promise.all([
      once(reports, 'report', { signal }),
      publisher.send(publishReport, undefined),
    ])) as unknown as [[Report]];
    const { catalogue, survey, archive, tasks } = report.handled;
    progress.show(`catalogue ${catalogue}  survey ${survey}  archive ${archive}  tasks ${tasks}`);
    if (sum(Object.values(report.handled)) >= expected) return report;
    await sleep(300, undefined, { signal });
  }
}

/** Prints what was done and each number beside the direct one. */
function summary({ handled, sums }: Report, airports: readonly Airport[], seconds: number): boolean {
  const rows = [
    ...compare(handled, directCounts(airports), 'handled: '),
    ...compare(sums, directSums(airports), ''),
  ];
  console.log(`\n  ${'number'.padEnd(20)}${'workers'.padStart(12)}${'direct'.padStart(12)}`);
  for (const { name, got, expected } of rows) {
    const mark = got === expected ? '✓' : '✗';
    console.log(`${mark} ${name.padEnd(20)}${String(got).padStart(12)}${String(expected).padStart(12)}`);
  }
  const wrong = rows.filter(({ got, expected }) => got !== expected).length;
  const events = sum(history(airports).map((phase) => phase.length));
  const rate = Math.round(sum(Object.values(handled)) / seconds);
  console.log(
    `\n${airports.length} airports, ${events} events to three applications, ${handled.tasks} tasks ` +
      `in ${seconds.toFixed(1)} s (${rate} handled a second).`,
  );
  console.log(
    wrong === 0 ? `All ${rows.length} numbers agree.` : `${wrong} of ${rows.length} numbers differ.`,
  );
  return wrong === 0;
}

interface Row {
  readonly name: string;
  readonly got: number;
  readonly expected: number;
}

function compare<Numbers extends Report['handled'] | Sums>(
  got: Numbers,
  expected: Numbers,
  prefix: string,
): Row[] {
  const actual = new Map<string, number>(Object.entries(got));
  return Object.entries(expected).map(([name, value]: [string, number]) => ({
    name: prefix + name,
    got: actual.get(name) ?? NaN,
    expected: value,
  }));
}

async function unlessAborted<T>(work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const aborted = once(signal, 'abort', { signal: over.signal }).then((): never => {
    throw signal.reason;
  });
  aborted.catch(() => undefined);
  signal.throwIfAborted();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    over.abort();
  }
}

function inWords(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
