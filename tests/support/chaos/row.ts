/** What a row of the chaos table is, what comes of it, and the usual kind: faults under load. */
import { seededRandom } from '@celeriac/core';

import { type Load, plainLoad } from './load.js';
import { ChaosRun, type Reckoning } from './run.js';
import type { ClusterSite, NodeSite } from './site.js';

/** Started when the first row asks for them. */
export interface Sites {
  readonly node: () => Promise<NodeSite>;
  readonly cluster: () => Promise<ClusterSite>;
}

export interface RowOptions {
  readonly sites: Sites;
  /** Faults, or whatever the row counts. */
  readonly repetitions: number;
  readonly seed: number;
  /** Progress. */
  readonly say: (line: string) => void;
}

export interface RowReport {
  readonly faults: number;
  /** Messages whose sends resolved. */
  readonly confirmed: number;
  /** Sends whose outcome is not known, and that were refused. */
  readonly unknown: number;
  readonly refused: number;
  readonly lost: number;
  /** Attempts that began again, those of them that had ended, and how many might have at most. */
  readonly again: number;
  readonly twice: number;
  readonly bound: number;
  readonly dead: number;
  /** Settlements that were withheld because their channel was gone. */
  readonly abandoned: number;
  /** Longest pause of confirms, of tasks that end, and from the end of a fault to normal; milliseconds. */
  readonly publishGapMs: number;
  readonly workGapMs: number;
  readonly recoveredMs: number;
  /** Promises that were broken, in words. */
  readonly broken: readonly string[];
  /** Anything else worth a cell of the table. */
  readonly note?: string;
}

export interface Row {
  /** Of the plan of faults; stable. */
  readonly number: number;
  readonly title: string;
  /** Faults by default. */
  readonly repetitions: number;
  /** Why it cannot run on this machine, if it cannot. */
  readonly cannot?: () => string | undefined;
  readonly run: (options: RowOptions) => Promise<RowReport>;
}

interface UnderLoad<S> extends Omit<Row, 'run'> {
  readonly site: (sites: Sites) => Promise<S>;
  readonly load?: Partial<Load>;
  /** Brings it about and ends it. */
  readonly fault: (run: ChaosRun, site: S, index: number) => Promise<unknown>;
  /** Faults that one call of `fault` is. Default 1. */
  readonly each?: number;
  /** Further promises, once everything is counted. */
  readonly check?: (reckoning: Reckoning, run: ChaosRun) => readonly string[];
  readonly note?: (reckoning: Reckoning, run: ChaosRun) => string;
}

export function underLoad<S extends NodeSite | ClusterSite>(row: UnderLoad<S>): Row {
  const { site: choose, load = {}, fault, each, check = () => [], note, ...rest } = row;
  return {
    ...rest,
    run: async ({ sites, repetitions, seed, say }) => {
      const site = await choose(sites);
      const random = seededRandom(seed);
      const options = { site, load: { ...plainLoad, ...load }, seed, random, label: String(row.number) };
      await using run = await ChaosRun.open(options);
      for (let index = 0; index < repetitions; index++) {
        await run.strike(() => fault(run, site, index), each);
        say(`${index + 1}/${repetitions}`);
      }
      const reckoning = await run.reckon();
      return {
        ...reportOf(reckoning),
        broken: [...reckoning.broken, ...check(reckoning, run)],
        ...(note !== undefined && { note: note(reckoning, run) }),
      };
    },
  };
}

export function reportOf(reckoning: Reckoning): RowReport {
  const { lost, recoveredMs, ...counts } = reckoning;
  const { faults, confirmed, unknown, refused, again, twice, bound, dead, abandoned } = counts;
  const { publishGapMs, workGapMs, broken } = counts;
  return {
    ...{ faults, confirmed, unknown, refused, again, twice, bound, dead, abandoned },
    ...{ publishGapMs, workGapMs, broken },
    lost: lost.length,
    recoveredMs: Math.max(0, ...recoveredMs),
  };
}
