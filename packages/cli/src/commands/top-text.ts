/** The table of `celeriac top`: workers, then tasks. Pure. */
import type { QueueReport, TaskSeen, WorkerSeen } from '@celeriac/core';

import { type Line, lines, type Room } from '../screen.js';
import { ago, columns, printable, shortText } from '../text.js';
import { queueLines } from './queues-text.js';
import type { WorkerAnswer } from './worker-answers.js';

export interface TopView {
  readonly workers: readonly WorkerSeen[];
  readonly tasks: readonly TaskSeen[];
  readonly answers: readonly WorkerAnswer[];
  /** Events heard, by type. */
  readonly counts: ReadonlyMap<string, number>;
  /** Undefined where nobody asked for them. */
  readonly queues: readonly QueueReport[] | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface WorkerRow {
  readonly worker: string;
  readonly state: 'online' | 'offline' | 'answers';
  readonly active: number | undefined;
  readonly concurrency: number | undefined;
  readonly processed: number | undefined;
  readonly load: number | undefined;
  readonly software: string | undefined;
}

export interface TaskRow {
  readonly id: string;
  readonly name: string | undefined;
  readonly state: string;
  readonly worker: string;
  /** Seconds since the epoch; undefined where no event told it. */
  readonly timestamp: number | undefined;
  readonly runtime: number | undefined;
  readonly info: string;
}

/** Workers that say nothing by themselves show as they answer. */
export function workerRows({ workers, answers }: Pick<TopView, 'workers' | 'answers'>): readonly WorkerRow[] {
  const asked = new Map(answers.map((answer) => [answer.node, answer]));
  const rows = workers.map((worker): WorkerRow => {
    const { hostname, isAlive, active, processed, loadavg, software } = worker;
    const answer = asked.get(hostname);
    asked.delete(hostname);
    return {
      worker: hostname,
      state: isAlive ? 'online' : answer === undefined ? 'offline' : 'answers',
      active: active ?? answer?.active.length,
      concurrency: answer?.concurrency,
      processed: processed ?? answer?.processed,
      load: loadavg[0],
      software,
    };
  });
  const silent = [...asked.values()].map(({ node, active, ...rest }): WorkerRow => {
    return {
      worker: node,
      state: 'answers',
      active: active.length,
      ...rest,
      load: undefined,
      software: undefined,
    };
  });
  return [...rows, ...silent];
}

/** Those that events tell of, the latest first; then those that workers say they run. */
export function taskRows(
  { tasks, answers }: Pick<TopView, 'tasks' | 'answers'>,
  most: number,
): readonly TaskRow[] {
  const told = tasks
    .slice(0, most)
    .map(({ uuid, name, state, hostname, timestamp, runtime, result, exception, args }): TaskRow => ({
      ...{ id: uuid, name, state, worker: hostname, timestamp, runtime },
      info: exception ?? result ?? args ?? '',
    }));
  const known = new Set(tasks.map(({ uuid }) => uuid));
  const running = answers.flatMap(({ node, active }) =>
    active
      .filter(({ id }) => !known.has(id))
      .map(({ id, name, args }): TaskRow => {
        return {
          id,
          name,
          state: 'STARTED',
          worker: node,
          timestamp: undefined,
          runtime: undefined,
          info: args,
        };
      }),
  );
  return [...running, ...told].slice(0, most);
}

/** Rows of tasks where no screen cuts them. */
export const mostRows = 50;

/** Longer names would push the rest out of an ordinary terminal. */
const longestName = 40;

export function topLines(view: TopView, room?: Room): readonly Line[] {
  const total = [...view.counts.values()].reduce((sum, count) => sum + count, 0);
  const queues =
    view.queues === undefined ? [] : [...queueLines({ reports: view.queues, isAll: false }), blank];
  const head = [
    { text: `${new Date(view.now).toISOString()}  ${total} events`, tone: 'faint' } as const,
    blank,
    ...workerTable(workerRows(view)),
    blank,
    ...queues,
  ];
  const most = room === undefined ? mostRows : Math.max(1, room.height - head.length - 1);
  return [...head, ...taskTable(taskRows(view, most), view.now)];
}

const blank: Line = { text: '' };

const dash = (value: number | undefined, digits = 0): string =>
  value === undefined ? '-' : value.toFixed(digits);

function workerTable(rows: readonly WorkerRow[]): readonly Line[] {
  if (rows.length === 0) return lines('no workers yet', 'faint');
  const head = ['worker', 'state', 'active', 'of', 'processed', 'load', 'software'];
  const cells = rows.map(({ worker, state, active, concurrency, processed, load, software = '-' }) => [
    shortText(printable(worker), longestName),
    state,
    ...[dash(active), dash(concurrency), dash(processed), dash(load, 2)],
    printable(software),
  ]);
  const isBad = (index: number): boolean => rows[index]?.state === 'offline';
  return toned(columns([head, ...cells], new Set([2, 3, 4, 5])), isBad);
}

const unhappy: ReadonlySet<string> = new Set(['FAILURE', 'REJECTED', 'REVOKED']);

function taskTable(rows: readonly TaskRow[], now: number): readonly Line[] {
  if (rows.length === 0)
    return lines('no tasks yet (workers tell of them after: celeriac control enable_events)', 'faint');
  const head = ['task', 'state', 'age', 'runtime', 'worker', 'id', ''];
  const cells = rows.map(({ name = '?', state, timestamp, runtime, worker, id, info }) => [
    shortText(printable(name), longestName),
    printable(state),
    timestamp === undefined ? '-' : ago(Math.max(0, now - timestamp * 1000)),
    runtime === undefined ? '-' : `${runtime.toFixed(3)}s`,
    shortText(printable(worker), longestName),
    printable(id),
    printable(info.slice(0, 100)),
  ]);
  return toned(columns([head, ...cells], new Set([2, 3])), (index) => unhappy.has(rows[index]?.state ?? ''));
}

/** The first line is the head; `isBad` is asked of the rows. */
function toned(table: string, isBad: (row: number) => boolean): readonly Line[] {
  return table.split('\n').map((text, index): Line => {
    if (index === 0) return { text, tone: 'head' };
    return isBad(index - 1) ? { text, tone: 'bad' } : { text };
  });
}
