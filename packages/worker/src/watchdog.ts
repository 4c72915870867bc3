/**
 * Notices that the event loop stands still, and names the handler that did it: to a listener and the log once the
 * loop moves again, and on standard error at once, from a thread of its own, when it stands so long that a
 * connection on this thread would be lost. Only watches: it never interrupts a handler.
 */
import { Worker } from 'node:worker_threads';

import {
  type Clock,
  type Config,
  connectionString,
  type Logger,
  systemClock,
  type Tell,
  type Timer,
} from '@celeriac/core';

import type { HandlerWatch, Identified } from './execute.js';
import {
  type Alarm,
  beatAt,
  type BlockedReport,
  nameBytes,
  nameLengthAt,
  stateBytes,
} from './watchdog-state.js';

/** The event loop stood still. */
export interface LoopBlocked {
  /** For how long, milliseconds. */
  readonly durationMs: number;
  /** The handler that did it, or all that may have: those that were running all the while. */
  readonly handlers: readonly Identified[];
  /** True when `handlers` is the one that did it, false when any of them may be. */
  readonly certain: boolean;
  /** How often it has happened in this worker, this time included. */
  readonly count: number;
}

export interface WatchdogOptions {
  /** From which time on it is told of. */
  readonly warnMs: number;
  /** When standard error is told without waiting for the end. Undefined: never. */
  readonly alarmMs: number | undefined;
  readonly format: BlockedReport;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<{ 'loop-blocked': [LoopBlocked] }>;
}

/** Where heartbeats are off, seconds. */
const usualHeartbeat = 60;
const encoder = new TextEncoder();
/** So many names go into the log line. */
const mostNamed = 5;

export interface WatchdogParts extends Pick<WatchdogOptions, 'logger' | 'clock' | 'tell'> {
  readonly config: Config;
}

/** As configured; undefined when it is turned off, or when time is not the machine's. */
export function openWatchdog({ config, logger, clock, tell }: WatchdogParts): Watchdog | undefined {
  const { block_warning: seconds } = config.task_handler;
  if (seconds === 0 || clock !== systemClock) return undefined;
  const { level, format } = config.logging;
  const silent = level === 'silent';
  return new Watchdog({
    warnMs: seconds * 1000,
    alarmMs: silent ? undefined : Math.max(seconds, shortestHeartbeat(config)) * 1000,
    format: format === 'auto' ? (process.stderr.isTTY ? 'text' : 'json') : format,
    logger,
    clock,
    tell,
  });
}

/** What the broker waits for at least before it gives up a connection, seconds. */
function shortestHeartbeat(config: Config): number {
  const { consumer_heartbeat: consumer, publisher_heartbeat: publisher } = config.events;
  const addresses = (['tasks', 'events'] as const).flatMap(
    (section) => connectionString(config, section).addresses,
  );
  const all = addresses.flatMap(({ heartbeat }) =>
    heartbeat === undefined ? [consumer, publisher] : [heartbeat],
  );
  return Math.min(...all.map((heartbeat) => (heartbeat === 0 ? usualHeartbeat : heartbeat)));
}

export class Watchdog implements HandlerWatch {
  #options: WatchdogOptions;
  #shared = new SharedArrayBuffer(stateBytes);
  #state = new Int32Array(this.#shared);
  #name = new Uint8Array(this.#shared, nameBytes.from, nameBytes.length);
  #beatMs: number;
  #timer: Timer | undefined;
  #thread: Worker | undefined;
  #lastBeat: number;
  /** When each handler that is not done was entered. */
  #since = new Map<Identified, number>();
  /** Ended since the last beat, after a time that could be the block itself. */
  #justEnded: Identified[] = [];
  #current: Identified | undefined;
  /** The longest uninterrupted beginning of a handler since the last beat. */
  #longest: { readonly work: Identified; readonly ms: number } | undefined;
  #count = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#beatMs = Math.min(250, Math.max(5, options.warnMs / 4));
    this.#lastBeat = options.clock.monotonic();
    this.#thread = this.#startThread();
    this.#schedule();
  }

  /** How often the loop stood still so far. */
  get count(): number {
    return this.#count;
  }

  /** Memory that holds the name of the handler that has the event loop, for other threads: see `handlerName`. */
  get handlers(): SharedArrayBuffer {
    return this.#shared;
  }

  entered(work: Identified): void {
    this.#since.set(work, this.#options.clock.monotonic());
    this.#current = work;
    const { written } = encoder.encodeInto(`${work.name} ${work.id}`, this.#name);
    Atomics.store(this.#state, nameLengthAt, written);
  }

  returned(work: Identified): void {
    if (this.#current !== work) return;
    this.#current = undefined;
    Atomics.store(this.#state, nameLengthAt, 0);
    const ms = this.#age(work);
    if (ms > (this.#longest?.ms ?? 0)) this.#longest = { work, ms };
  }

  ended(work: Identified): void {
    this.returned(work); // one that threw did not return
    if (this.#age(work) >= this.#options.warnMs) this.#justEnded.push(work);
    this.#since.delete(work);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#thread?.terminate();
  }

  #age(work: Identified): number {
    const { clock } = this.#options;
    return clock.monotonic() - (this.#since.get(work) ?? clock.monotonic());
  }

  /** Without it the log still names the handler, only not before the loop moves. */
  #startThread(): Worker | undefined {
    const { alarmMs, format, logger } = this.#options;
    if (alarmMs === undefined) return undefined;
    const alarm: Alarm = { shared: this.#shared, alarmMs, format };
    const thread = new Worker(new URL('./watchdog-thread.js', import.meta.url), {
      workerData: alarm,
      execArgv: [],
    });
    thread.once('error', (error) => logger.warn('no warning while the event loop is blocked', { error }));
    thread.unref();
    return thread;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(this.#beatMs, () => this.#beat(), { ref: false });
  }

  #beat(): void {
    const { clock, warnMs } = this.#options;
    const now = clock.monotonic();
    const lateMs = now - this.#lastBeat - this.#beatMs;
    if (lateMs >= warnMs) this.#report(lateMs, now);
    this.#lastBeat = now;
    this.#longest = undefined;
    this.#justEnded = [];
    Atomics.add(this.#state, beatAt, 1);
    this.#schedule();
  }

  #report(durationMs: number, now: number): void {
    const { logger, tell } = this.#options;
    this.#count++;
    const longest = this.#longest;
    const certain = longest !== undefined && longest.ms >= durationMs / 2;
    const handlers = certain ? [longest.work] : this.#suspects(now - durationMs);
    const told = handlers.map(({ id, name }) => ({ id, name }));
    const ms = Math.round(durationMs);
    const [only] = told;
    const names = told.slice(0, mostNamed).map(({ name, id }) => `${name} ${id}`);
    logger.warn('the event loop was blocked', {
      ms,
      ...(told.length === 1 ? { ...only, certain } : { handlers: told.length, oneOf: names }),
      count: this.#count,
      hint: 'compute in a worker thread or a child process, or let others run in between (await setImmediate)',
    });
    tell('loop-blocked', { durationMs: ms, handlers: told, certain, count: this.#count });
  }

  /** Who blocked the loop after an await was running when it began, and all the while. */
  #suspects(blockedSince: number): readonly Identified[] {
    const slackMs = 2 * this.#beatMs;
    const running = [...this.#since].filter(([, since]) => since <= blockedSince + slackMs);
    return [...this.#justEnded, ...running.map(([work]) => work)];
  }
}
