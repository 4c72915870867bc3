/** The table of `celeriac top`: workers, then tasks. Pure. */
import type { TaskSeen, WorkerSeen } from '@celeriac/core';

import { ago, columns, printable } from '../text.js';

/** What a worker answered when it was asked. */
export interface WorkerAnswer {
  readonly node: string;
  /** Tasks that it says it runs. */
  readonly active: readonly ActiveTask[];
  readonly processed: number | undefined;
  readonly concurrency: number | undefined;
}

export interface ActiveTask {
  readonly id: string;
  readonly name: string;
  readonly args: string;
}

export interface TopView {
  readonly workers: readonly WorkerSeen[];
  readonly tasks: readonly TaskSeen[];
  readonly answers: readonly WorkerAnswer[];
  /** Events heard, by type. */
  readonly counts: ReadonlyMap<string, number>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Rows of tasks, at most. */
  readonly most: number;
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
export function taskRows({
  tasks,
  answers,
  most,
}: Pick<TopView, 'tasks' | 'answers' | 'most'>): readonly TaskRow[] {
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

export function topText(view: TopView): string {
  const total = [...view.counts.values()].reduce((sum, count) => sum + count, 0);
  return [
    `${new Date(view.now).toISOString()}  ${total} events`,
    '',
    workerTable(workerRows(view)),
    '',
    taskTable(taskRows(view), view.now),
  ].join('\n');
}

const dash = (value: number | undefined, digits = 0): string =>
  value === undefined ? '-' : value.toFixed(digits);

function workerTable(rows: readonly WorkerRow[]): string {
  if (rows.length === 0) return 'no workers yet';
  const head = ['worker', 'state', 'active', 'of', 'processed', 'load', 'software'];
  const cells = rows.map(({ worker, state, active, concurrency, processed, load, software = '-' }) => [
    printable(worker),
    state,
    ...[dash(active), dash(concurrency), dash(processed), dash(load, 2)],
    printable(software),
  ]);
  return columns([head, ...cells], new Set([2, 3, 4, 5]));
}

function taskTable(rows: readonly TaskRow[], now: number): string {
  if (rows.length === 0) return 'no tasks yet (workers tell of them after: celeriac control enable_events)';
  const head = ['task', 'state', 'age', 'runtime', 'worker', 'id', ''];
  const cells = rows.map(({ name = '?', state, timestamp, runtime, worker, id, info }) => [
    printable(name),
    printable(state),
    timestamp === undefined ? '-' : ago(Math.max(0, now - timestamp * 1000)),
    runtime === undefined ? '-' : `${runtime.toFixed(3)}s`,
    printable(worker),
    printable(id),
    printable(info.slice(0, 100)),
  ]);
  return columns([head, ...cells], new Set([2, 3]));
}
