/**
 * What events add up to: which workers live, and how far tasks are. Bounded: the oldest tasks and the deadest workers are
 * forgotten. Hears nothing itself, and knows nothing that was not told since it began.
 *
 * Source: celery/events/state.py: a worker lives for twice its heartbeat's interval, and a state that comes late does not
 * undo a later one.
 */
import type { Clock } from '../clock.js';
import type { MonitoringEvent } from '../protocol/monitoring-events.js';

export interface WorkerSeen {
  readonly hostname: string;
  /** By its last heartbeat, and unless it said goodbye. */
  readonly isAlive: boolean;
  /** Since its last event, milliseconds, by the clock of this machine. */
  readonly silentMs: number;
  readonly pid: number | undefined;
  /** Tasks that run, and that it has begun. */
  readonly active: number | undefined;
  readonly processed: number | undefined;
  readonly loadavg: readonly number[];
  readonly software: string | undefined;
}

export type TaskStage =
  'PENDING' | 'RECEIVED' | 'STARTED' | 'SUCCESS' | 'FAILURE' | 'RETRY' | 'REJECTED' | 'REVOKED';

export interface TaskSeen {
  readonly uuid: string;
  /** Undefined where the event that tells it was not heard. */
  readonly name: string | undefined;
  readonly args: string | undefined;
  readonly kwargs: string | undefined;
  readonly state: string;
  readonly hostname: string;
  /** Of its last event, seconds since the epoch. */
  readonly timestamp: number;
  readonly clock: number;
  readonly runtime: number | undefined;
  readonly result: string | undefined;
  readonly exception: string | undefined;
}

export interface StateLimits {
  readonly tasks: number;
  readonly workers: number;
}

interface Worker {
  fields: Partial<MonitoringEvent>;
  heardAt: number;
  isOnline: boolean;
}

const stages: Readonly<Record<string, TaskStage>> = {
  'task-sent': 'PENDING',
  'task-received': 'RECEIVED',
  'task-started': 'STARTED',
  'task-succeeded': 'SUCCESS',
  'task-failed': 'FAILURE',
  'task-retried': 'RETRY',
  'task-rejected': 'REJECTED',
  'task-revoked': 'REVOKED',
};
/** Celery's order of precedence, from the last word to the first; there REJECTED is overruled by STARTED, and never shows. */
const precedence = ['SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED', 'STARTED', 'RECEIVED', 'RETRY', 'PENDING'];

const usualLimits: StateLimits = { tasks: 10_000, workers: 1_000 };
const usualFreq = 2;
const longestFreq = 86_400;

export class ClusterState {
  #clock: Clock;
  #limits: StateLimits;
  /** In order of their last event. */
  #tasks = new Map<string, TaskSeen>();
  #workers = new Map<string, Worker>();
  #counts = new Map<string, number>();

  constructor(clock: Clock, limits: StateLimits = usualLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  hear(event: MonitoringEvent): void {
    const { type } = event;
    if (this.#counts.size < 1000 || this.#counts.has(type))
      this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
    if (type.startsWith('worker-')) this.#worker(event);
    else if (type.startsWith('task-')) this.#task(event);
  }

  /** Events heard, by type. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** By name. */
  workers(): readonly WorkerSeen[] {
    const now = this.#clock.monotonic();
    return [...this.#workers.entries()]
      .map(([hostname, worker]) => seen(hostname, worker, now))
      .sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }

  /** The latest first, by what their workers did one after the other. */
  tasks(): readonly TaskSeen[] {
    return [...this.#tasks.values()].sort((a, b) => b.clock - a.clock || b.timestamp - a.timestamp);
  }

  task(uuid: string): TaskSeen | undefined {
    return this.#tasks.get(uuid);
  }

  #worker(event: MonitoringEvent): void {
    const { hostname, type } = event;
    const known = this.#workers.get(hostname);
    const worker = known ?? { fields: {}, heardAt: 0, isOnline: false };
    // Heartbeats on demand tell less: what was known stays.
    worker.fields = { ...worker.fields, ...event };
    worker.heardAt = this.#clock.monotonic();
    worker.isOnline = type !== 'worker-offline';
    this.#workers.delete(hostname);
    this.#workers.set(hostname, worker);
    forgetOldest(this.#workers, this.#limits.workers);
  }

  #task(event: MonitoringEvent): void {
    const { uuid, type } = event;
    if (typeof uuid !== 'string' || uuid === '') return;
    const known = this.#tasks.get(uuid);
    const state = stages[type] ?? type.slice('task-'.length).toUpperCase();
    const { hostname, timestamp, clock } = event;
    const now = { state, hostname, timestamp, clock };
    const isLate = known !== undefined && comesBefore(state, known.state);
    this.#tasks.delete(uuid);
    this.#tasks.set(uuid, { uuid, ...unknown, ...known, ...told(event), ...(isLate ? {} : now) } as TaskSeen);
    forgetOldest(this.#tasks, this.#limits.tasks);
  }
}

const unknown: Partial<TaskSeen> = {
  name: undefined,
  args: undefined,
  kwargs: undefined,
  runtime: undefined,
  result: undefined,
  exception: undefined,
};
const texts = ['name', 'args', 'kwargs', 'result', 'exception'] as const;

/** What this event knows of the task; others may know the rest. */
function told(event: MonitoringEvent): Partial<TaskSeen> {
  const found = texts
    .filter((field) => typeof event[field] === 'string')
    .map((field) => [field, event[field]]);
  return {
    ...(Object.fromEntries(found) as Partial<TaskSeen>),
    ...(typeof event.runtime === 'number' ? { runtime: event.runtime } : {}),
  };
}

function seen(hostname: string, { fields, heardAt, isOnline }: Worker, now: number): WorkerSeen {
  const { pid, freq, active, processed, loadavg, sw_ident, sw_ver } = fields;
  const interval = Math.min(count(freq) ?? usualFreq, longestFreq);
  const silentMs = now - heardAt;
  return {
    hostname,
    isAlive: isOnline && silentMs < interval * 2 * 1000,
    silentMs,
    pid: count(pid),
    active: count(active),
    processed: count(processed),
    loadavg: Array.isArray(loadavg) ? loadavg.filter((one): one is number => typeof one === 'number') : [],
    software: typeof sw_ident === 'string' ? `${sw_ident} ${text(sw_ver) ?? ''}`.trim() : undefined,
  };
}

/** A retried task is received anew, so nothing comes too late after RETRY, and RETRY never does. */
function comesBefore(stage: string, known: string): boolean {
  if (stage === 'RETRY' || known === 'RETRY') return stage === 'PENDING';
  const rank = (one: string): number => {
    const index = precedence.indexOf(one);
    return index === -1 ? precedence.indexOf('STARTED') : index;
  };
  return rank(stage) > rank(known);
}

function forgetOldest(entries: Map<string, unknown>, most: number): void {
  for (const key of entries.keys()) {
    if (entries.size <= most) return;
    entries.delete(key);
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
