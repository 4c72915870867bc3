/**
 * Limits of tasks that were told by remote control, until the worker starts again: `rate_limit` and `time_limit`. They
 * go over what contracts, registrations and the configuration say; of time limits the sender's still win. Limits nothing
 * itself, and never touches what runs already.
 *
 * Source: celery/worker/control.py (`rate_limit`, `time_limit`).
 */
import { type RateLimit, readRate as readRateText } from '@celeriac/core';

import type { TaskHandlers } from '../handlers.js';
import { ControlError } from './control-error.js';

/** `revision` rises with each: turns of another pace are not kept. */
export interface ToldRate {
  readonly rate: RateLimit | undefined;
  readonly revision: number;
}

/** Seconds; undefined: as if the task had none. */
export interface ToldTimes {
  readonly soft: number | undefined;
  readonly hard: number | undefined;
}

/** A year; a timer takes no longer. */
const longestSeconds = 31_536_000;
const longestText = 40;

export class ToldLimits {
  #tasks: TaskHandlers;
  #rates = new Map<string, ToldRate>();
  #times = new Map<string, ToldTimes>();

  constructor(tasks: TaskHandlers) {
    this.#tasks = tasks;
  }

  /** Undefined: nothing was told. */
  rateOf(task: string): ToldRate | undefined {
    return this.#rates.get(task);
  }

  timesOf(task: string): ToldTimes | undefined {
    return this.#times.get(task);
  }

  /** True when some task has a rate limit that was told. */
  get hasRates(): boolean {
    return [...this.#rates.values()].some(({ rate }) => rate !== undefined);
  }

  /** Gives Celery's answer. Throws a ControlError for a limit that cannot be read, then for an unknown task: in Celery's order. */
  tellRate(task: string, limit: unknown): string {
    const rate = readRate(limit);
    this.#mustKnow(task);
    this.#rates.set(task, { rate, revision: (this.#rates.get(task)?.revision ?? 0) + 1 });
    return rate === undefined ? 'rate limit disabled successfully' : 'new rate limit set successfully';
  }

  /** Gives Celery's answer. Throws a ControlError. */
  tellTimes(task: string, { soft, hard }: { readonly soft: unknown; readonly hard: unknown }): string {
    const times = { soft: readSeconds('soft', soft), hard: readSeconds('hard', hard) };
    this.#mustKnow(task);
    this.#times.set(task, times);
    return 'time limits set successfully';
  }

  #mustKnow(task: string): void {
    if (this.#tasks.get(task) === undefined) throw new ControlError('unknown task');
  }
}

/** `10/m`, a number per second; null, 0 and nothing are no limit. */
function readRate(limit: unknown): RateLimit | undefined {
  if (limit === undefined || limit === null || limit === '' || limit === 0) return undefined;
  const text = typeof limit === 'number' ? String(limit) : limit;
  try {
    if (typeof text === 'string' && text.length <= longestText) return readRateText(text);
  } catch {
    // Told below.
  }
  const shown = typeof text === 'string' ? text.slice(0, longestText).replaceAll("'", '') : typeof limit;
  throw new ControlError(`Invalid rate limit string: ValueError('${shown}')`);
}

function readSeconds(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === 0) return undefined;
  const seconds = typeof value === 'string' && value !== '' ? Number(value) : value;
  if (typeof seconds === 'number' && seconds > 0 && seconds <= longestSeconds) return seconds;
  throw new ControlError(`ValueError('${name} has to be seconds')`);
}

const units: Readonly<Record<number, string>> = { 1000: 's', 60_000: 'm', 3_600_000: 'h' };

/** As Celery writes it. */
export function rateText({ limit, periodMs }: RateLimit): string {
  const unit = units[periodMs];
  return unit === undefined ? `${Number(((limit * 3_600_000) / periodMs).toFixed(6))}/h` : `${limit}/${unit}`;
}
