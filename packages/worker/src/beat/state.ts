/**
 * What beat remembers: for each schedule the last time that was dealt with, and whether it is paused. Kept as one
 * message in the broker. Pure; reads what anyone may have written, and trusts none of it.
 */
import type { Schedule } from './schedule.js';

/** What is remembered of one schedule. Times are milliseconds since the epoch. */
export interface EntryState {
  /** When it is due, as it was then: another text is another schedule, which begins anew. */
  readonly timing: string;
  /** When it was first seen. */
  readonly anchor: number;
  /** The last time that was dealt with: sent, or left out. */
  readonly lastAt: number;
  readonly isPaused: boolean;
  readonly sent: number;
  readonly skipped: number;
  /** Runs left out as the last one was under way. */
  readonly overlapped: number;
  /** The last run that was sent. */
  readonly lastRun?: { readonly at: number; readonly sentAt: number; readonly id: string } | undefined;
}

export interface BeatState {
  /** Grows with every process that becomes active: what an earlier one writes late is told from it by this. */
  readonly epoch: number;
  /** Grows with every message of one active process. */
  readonly revision: number;
  /** Which process wrote it. */
  readonly writer: string;
  readonly entries: Readonly<Record<string, EntryState>>;
}

/** True when `one` was written after `other`. */
export function isNewer(one: BeatState, other: BeatState): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.revision > other.revision);
}

const largest = 2 ** 52;

/** Undefined for what is no state. */
export function readState(document: unknown): BeatState | undefined {
  if (!isObject(document) || !isObject(document.entries)) return undefined;
  const { epoch, revision, writer, entries } = document;
  if (!isCount(epoch) || !isCount(revision) || typeof writer !== 'string') return undefined;
  const read = Object.entries(entries).flatMap(([name, written]) => {
    const entry = readEntry(written);
    return entry === undefined ? [] : [[name, entry] as const];
  });
  return { epoch, revision, writer, entries: Object.fromEntries(read) };
}

function readEntry(written: unknown): EntryState | undefined {
  if (!isObject(written)) return undefined;
  const { timing, anchor, lastAt, isPaused, sent, skipped } = written;
  if (typeof timing !== 'string' || !isTime(anchor) || !isTime(lastAt)) return undefined;
  const lastRun = readRun(written.lastRun);
  return {
    timing,
    anchor,
    lastAt,
    isPaused: isPaused === true,
    sent: isCount(sent) ? sent : 0,
    skipped: isCount(skipped) ? skipped : 0,
    overlapped: isCount(written.overlapped) ? written.overlapped : 0,
    ...(lastRun === undefined ? {} : { lastRun }),
  };
}

function readRun(written: unknown): EntryState['lastRun'] {
  if (!isObject(written)) return undefined;
  const { at, sentAt, id } = written;
  return isTime(at) && isTime(sentAt) && typeof id === 'string' ? { at, sentAt, id } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= largest;
}

/** Dates end with 8.64e15. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= 8.64e15;
}

/** What taking over has changed, for the log. */
export interface Changes {
  readonly added: readonly string[];
  /** The same name at other times. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** The clock has gone back behind their last run. */
  readonly ahead: readonly string[];
}

export interface TakeOver {
  readonly before: BeatState | undefined;
  readonly schedules: readonly Schedule[];
  readonly now: number;
  readonly writer: string;
  readonly missedAfterMs: number;
}

/** The state of a process that becomes active: its own schedules, with what is remembered of them. */
export function takeOver(what: TakeOver): { readonly state: BeatState; readonly changes: Changes } {
  const { before, schedules, writer } = what;
  const old = before?.entries ?? {};
  const entries = new Map<string, EntryState>();
  const changes = { added: [] as string[], changed: [] as string[], ahead: [] as string[] };
  for (const schedule of schedules) {
    const known = Object.hasOwn(old, schedule.name) ? old[schedule.name] : undefined;
    if (known === undefined) changes.added.push(schedule.name);
    else if (known.timing !== schedule.timing) changes.changed.push(schedule.name);
    else if (isAhead(known, what)) changes.ahead.push(schedule.name);
    entries.set(schedule.name, entryOf(schedule, known, what));
  }
  const removed = Object.keys(old).filter((name) => !entries.has(name));
  const epoch = (before?.epoch ?? 0) + 1;
  return {
    state: { epoch, revision: 0, writer, entries: Object.fromEntries(entries) },
    changes: { ...changes, removed },
  };
}

function entryOf(schedule: Schedule, known: EntryState | undefined, what: TakeOver): EntryState {
  const { now, missedAfterMs } = what;
  if (known?.timing === schedule.timing) return isAhead(known, what) ? { ...known, lastAt: now } : known;
  const { timing, isOnce } = schedule;
  const kept = known ?? { isPaused: false, sent: 0, skipped: 0, overlapped: 0 };
  // A moment that has only just passed was not seen because of us.
  return { ...kept, timing, anchor: now, lastAt: isOnce ? now - missedAfterMs : now };
}

/** Clocks of two machines differ; by more than that one was wrong, and nothing would be sent until that time. */
function isAhead(
  { lastAt }: EntryState,
  { now, missedAfterMs }: Pick<TakeOver, 'now' | 'missedAfterMs'>,
): boolean {
  return lastAt > now + missedAfterMs;
}
