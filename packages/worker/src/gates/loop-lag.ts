/**
 * Watches how late the event loop is, warns when it is late all the time, and, where a limit is set, starts nothing
 * further until it has caught up. The watchdog tells of single handlers that stop the loop; this is about too many of
 * them. Connections do not depend on it: they have a thread of their own.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

import { type Clock, type Config, type Logger, systemClock, type Timer } from '@celeriac/core';

import type { Admission, Gate } from '../gate.js';

/** How late the loop was since it was last asked, milliseconds. */
export interface Lag {
  readonly p99Ms: number;
  readonly worstMs: number;
}

export interface LoopLagOptions {
  /** 0: says nothing. */
  readonly warnMs: number;
  /** 0: holds nothing. */
  readonly limitMs: number;
  /** What lasts so long at a time is the watchdog's to tell; 0: nobody does. */
  readonly blockMs: number;
  readonly measure: () => Lag;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fires when nothing is to be held any longer. */
  readonly stopping: AbortSignal;
}

const everyMs = 500;
const resolutionMs = 20;
const warnEveryMs = 60_000;
/** Then work starts all the same: the loop may be late for reasons that no pause mends. */
const longestHoldMs = 60_000;

export interface LoopLagParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
}

/** As configured; undefined when there is nothing to do, or when time is not the machine's. */
export function openLoopLag({ config, clock, logger, stopping }: LoopLagParts): LoopLag | undefined {
  const { lag_warning: warn, lag_limit: limit, block_warning: block } = config.task_handler;
  if ((warn === 0 && limit === 0) || clock !== systemClock) return undefined;
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  const [warnMs, limitMs, blockMs] = [warn * 1000, limit * 1000, block * 1000];
  const measure = (): Lag => read(histogram);
  return new LoopLag({ warnMs, limitMs, blockMs, measure, clock, logger, stopping });
}

/** The histogram holds the time between two looks, which is the resolution where nothing is late. */
function read(histogram: IntervalHistogram): Lag {
  const late = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - resolutionMs);
  const lag = { p99Ms: late(histogram.percentile(99)), worstMs: late(histogram.max) };
  histogram.reset();
  return lag;
}

export class LoopLag implements Gate {
  readonly name = 'the limit of the event loop';
  #options: LoopLagOptions;
  #timer: Timer | undefined;
  #lateSince: number | undefined;
  #lastWarning = -Infinity;
  #held = new Set<() => void>();

  constructor(options: LoopLagOptions) {
    this.#options = options;
    options.stopping.addEventListener('abort', this.#letGo, { once: true });
    this.#schedule();
  }

  /** True: it is asked before anything starts. */
  get holds(): boolean {
    return this.#options.limitMs > 0;
  }

  admit(): Admission | Promise<Admission> {
    const { limitMs, stopping } = this.#options;
    if (limitMs === 0 || this.#lateSince === undefined || stopping.aborted) return undefined;
    return new Promise((resolve) => void this.#held.add(() => resolve(undefined)));
  }

  close(): void {
    this.#timer?.cancel();
    this.#options.stopping.removeEventListener('abort', this.#letGo);
    this.#letGo();
  }

  #schedule(): void {
    this.#timer = this.#options.clock.after(everyMs, () => this.#look(), { ref: false });
  }

  #look(): void {
    const lag = this.#options.measure();
    this.#warn(lag);
    this.#hold(lag);
    this.#schedule();
  }

  #warn({ p99Ms, worstMs }: Lag): void {
    const { warnMs, blockMs, clock, logger } = this.#options;
    if (warnMs === 0 || p99Ms < warnMs || (blockMs > 0 && worstMs >= blockMs)) return;
    const now = clock.monotonic();
    if (now - this.#lastWarning < warnEveryMs) return;
    this.#lastWarning = now;
    logger.warn('the event loop is late: handlers compute too long, or too many run at once', {
      p99: Math.round(p99Ms),
      worst: Math.round(worstMs),
      hint: 'lower concurrency, or run what computes in threads or processes',
    });
  }

  #hold({ p99Ms }: Lag): void {
    const { limitMs, clock, logger } = this.#options;
    if (limitMs === 0) return;
    const now = clock.monotonic();
    const heldMs = now - (this.#lateSince ?? now);
    if (p99Ms > limitMs && heldMs < longestHoldMs) {
      if (this.#lateSince !== undefined) return;
      this.#lateSince = now;
      logger.warn('the event loop is too late: nothing further is started', { p99: Math.round(p99Ms) });
      return;
    }
    if (this.#lateSince === undefined) return;
    this.#lateSince = undefined;
    logger.info('tasks and events are started again', { after: Math.round(heldMs), p99: Math.round(p99Ms) });
    this.#letGo();
  }

  #letGo = (): void => {
    const held = [...this.#held];
    this.#held.clear();
    for (const go of held) go();
  };
}
