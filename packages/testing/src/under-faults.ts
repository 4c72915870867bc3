/**
 * Runs handlers under many seeded histories of faults, and fails with the seed and the history of the first that
 * broke a promise. The same seed strikes at the same steps again.
 */
import { AssertionError } from 'node:assert';

import { CeleriacError, type ConfigInput, type Duration, parseDuration } from '@celeriac/core';
import type { Worker } from '@celeriac/worker';

import { faultRun, type FaultRunReport, type FaultTools, type FinishedRun } from './fault-run.js';
import { type FaultSource, lostConnections } from './faults.js';

export interface UnderFaultsOptions {
  /** How many: 1 to this number; or which. */
  readonly seeds: number | readonly number[];
  /** Registers the handlers, anew for every seed. */
  readonly register: (worker: Worker) => unknown;
  /** Sends what they are to handle. Its end is the end of the faults. A rejection fails the seed. */
  readonly scenario: (tools: FaultTools) => unknown;
  /** Promises of one's own, looked at when everything is over: throws when one is broken. */
  readonly check?: (run: FinishedRun) => unknown;
  /** Default: `lostConnections()`. */
  readonly faults?: FaultSource;
  /** The connection string is set. */
  readonly config?: ConfigInput;
  /** How long what is left after the faults may take. Default 30 s. */
  readonly endWithin?: Duration;
  /** How long the worker may take to stop. Default 10 s. */
  readonly stopWithin?: Duration;
}

export interface UnderFaultsReport {
  readonly seeds: number;
  /** Over all seeds. */
  readonly faults: number;
  readonly confirmed: number;
  readonly settled: number;
}

/**
 * For each seed, over an embedded broker of its own: everything confirmed runs to its end or is a dead letter, nothing
 * is settled twice, and the worker stops in time. Rejects with AssertionError at the first seed where that does not
 * hold; its text has the seed and the history. Rejects with ERR_INPUT_INVALID without a seed.
 */
export async function underFaults(options: UnderFaultsOptions): Promise<UnderFaultsReport> {
  const { seeds, register, scenario, check, faults = lostConnections(), config = {} } = options;
  const endWithin = parseDuration(options.endWithin ?? 30);
  const stopWithin = parseDuration(options.stopWithin ?? 10);
  const total = { seeds: 0, faults: 0, confirmed: 0, settled: 0 };
  for (const seed of listed(seeds)) {
    const report = await faultRun({ seed, register, scenario, check, faults, config, endWithin, stopWithin });
    if (report.broken.length > 0) throw brokenPromise(report);
    total.seeds++;
    total.faults += report.faults;
    total.confirmed += report.confirmed.length;
    total.settled += report.settled.length;
  }
  return total;
}

function listed(seeds: number | readonly number[]): readonly number[] {
  const all = typeof seeds === 'number' ? Array.from({ length: seeds }, (_, index) => index + 1) : seeds;
  if (all.length > 0) return all;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: 'A run under faults needs a seed; none was given.',
    hint: 'Say how many, { seeds: 100 }, or which, { seeds: [17] }.',
  });
}

const shownLines = 300;

function brokenPromise({ seed, broken, history }: FaultRunReport): AssertionError {
  const numbered = history.map((line, index) => `${String(index + 1).padStart(5)} ${line}`);
  const omitted = numbered.length - shownLines;
  const shown = omitted > 0 ? [`      … ${omitted} earlier`, ...numbered.slice(omitted)] : numbered;
  const error = new AssertionError({
    message: [
      `Under the faults of seed ${seed}:`,
      ...broken.map(({ what }) => `  ${what}`),
      'History:',
      ...shown,
      `Run it again with { seeds: [${seed}] }.`,
    ].join('\n'),
    operator: 'underFaults',
  });
  const cause = broken.find((one) => one.cause !== undefined)?.cause;
  if (cause !== undefined) error.cause = cause;
  return error;
}
