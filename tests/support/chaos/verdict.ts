/**
 * Whether a chaos run kept the promises, from its ledger and from what is left in the queues. Pure.
 *
 * I1 nothing confirmed is lost, I2 what runs again is within its bound, I3 nothing ends after its dead letter, I4 every
 * promise of a send settles, no delayed task begins early, nothing is put aside that never fails. Consumers, exit codes and broker logs are not its concern.
 */
import type { Entry } from './ledger.js';

export interface Evidence {
  readonly entries: readonly Entry[];
  /** Ids that wait in a queue of tasks, and in one of dead letters. */
  readonly queued: readonly string[];
  readonly dead: readonly string[];
  /** Processes that were killed: the promises of those publishers died with them. */
  readonly killed: ReadonlySet<string>;
}

export interface Counts {
  readonly confirmed: number;
  readonly unknown: number;
  readonly refused: number;
  readonly ended: number;
  readonly dead: number;
  /** Confirmed, and neither ended, queued nor a dead letter. */
  readonly lost: readonly string[];
  /** Attempts that began more often than once, all told: I2. */
  readonly again: number;
  /** Those of them that had ended before: a side effect twice. */
  readonly twice: number;
  readonly endedAfterDead: readonly string[];
  /** Dead letters of tasks that never fail. */
  readonly wronglyDead: readonly string[];
  /** Sends that neither resolved nor rejected, of publishers that were not killed. */
  readonly hanging: readonly string[];
  /** Delayed tasks that began before they were due. */
  readonly early: readonly string[];
  /** Settlements that were withheld, because their channel was gone. */
  readonly abandoned: number;
  /** Longest time without a confirm, and without the end of a task, while both were asked for; milliseconds. */
  readonly publishGapMs: number;
  readonly workGapMs: number;
}

export function judgeRun({ entries, queued, dead, killed }: Evidence): Counts {
  const of = (what: Entry['what']): readonly Entry[] => entries.filter((entry) => entry.what === what);
  const idsOf = (what: Entry['what']): Set<string> => new Set(of(what).map(({ id }) => id));
  const confirmed = idsOf('confirmed');
  const ends = of('end');
  const safe = new Set([...ends.map(({ id }) => id), ...queued, ...dead]);
  const settled = new Set([...confirmed, ...idsOf('unknown'), ...idsOf('refused')]);
  const intended = of('intend');
  const until = intended.at(-1)?.at ?? 0;
  return {
    confirmed: confirmed.size,
    unknown: idsOf('unknown').size,
    refused: idsOf('refused').size,
    ended: new Set(ends.map(({ id }) => id)).size,
    dead: new Set(dead).size,
    lost: [...confirmed].filter((id) => !safe.has(id)),
    again: repeated(of('begin')),
    twice: repeated(ends),
    endedAfterDead: endedAfterDead(of('dead'), ends),
    wronglyDead: wronglyDead(dead, intended),
    hanging: intended.filter(({ id, who }) => !settled.has(id) && !killed.has(who)).map(({ id }) => id),
    early: begunEarly(intended, of('begin')),
    abandoned: of('abandoned').length,
    publishGapMs: longestGap(of('confirmed'), until),
    workGapMs: longestGap(ends, until),
  };
}

function wronglyDead(dead: readonly string[], intended: readonly Entry[]): string[] {
  const failing = new Set(intended.filter(({ more }) => more.startsWith('chaos.fail')).map(({ id }) => id));
  return dead.filter((id) => !failing.has(id));
}

/** By id and attempt: an attempt after a retry is no repetition. */
function repeated(entries: readonly Entry[]): number {
  return entries.length - new Set(entries.map(({ id, more }) => `${id} ${more}`)).size;
}

function endedAfterDead(dead: readonly Entry[], ends: readonly Entry[]): string[] {
  const diedAt = new Map(dead.map(({ id, at }) => [id, at]));
  return ends.filter(({ id, at }) => at > (diedAt.get(id) ?? Infinity)).map(({ id }) => id);
}

function begunEarly(intended: readonly Entry[], begins: readonly Entry[]): string[] {
  const dueAt = new Map(intended.map(({ id, more }) => [id, Number(more.split(' ')[1] ?? 0)]));
  return begins.filter(({ id, at }) => at < (dueAt.get(id) ?? 0)).map(({ id }) => id);
}

function longestGap(entries: readonly Entry[], until: number): number {
  let longest = 0;
  let last = entries[0]?.at ?? until;
  for (const { at } of entries) {
    if (at > until) break;
    longest = Math.max(longest, at - last);
    last = Math.max(at, last);
  }
  return Math.max(longest, until - last);
}
