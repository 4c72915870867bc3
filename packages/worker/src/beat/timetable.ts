/**
 * When things are due: the times of a cron expression, of an interval, of one moment. Milliseconds since the epoch.
 * Pure; croner knows calendars and time zones. Knows nothing of what is sent.
 */
import { Cron } from 'croner';

/** The times of one schedule, as a function of nothing but the schedule. */
export interface Timetable {
  /** The first time after `time`; undefined when there is none any more. */
  next(time: number): number | undefined;
  /** The least time between two of them, milliseconds. */
  readonly shortestMs: number;
}

/**
 * Times of a pattern of `parseCron`, in a time zone. All fields must match. What a clock that goes forward leaves out
 * is made up for once, right after; what a clock that goes back repeats runs once. With a wildcard or a step in minute
 * or hour it runs by elapsed time instead: what is left out does not run, what is repeated runs again.
 */
export function cronTimetable(pattern: string, timeZone: string): Timetable {
  const cron = new Cron(pattern, {
    timezone: timeZone,
    domAndDow: true,
    mode: '5-part',
    fixedTimeRule: 'no-wildcard',
    paused: true,
  });
  return { next: remembering((time) => cron.nextRun(new Date(time))?.getTime()), shortestMs: 60_000 };
}

const mostRemembered = 5_000;

/** Asked for the same times again and again, and croner takes a tenth of a millisecond for each. */
export function remembering<Found>(find: (time: number) => Found): (time: number) => Found {
  const known = new Map<number, Found>();
  return (time) => {
    if (known.has(time)) return known.get(time) as Found;
    if (known.size >= mostRemembered) known.clear();
    const found = find(time);
    known.set(time, found);
    return found;
  };
}

/** `anchor + n * everyMs`, for n from 1. */
export function intervalTimetable(everyMs: number, anchor: number): Timetable {
  return {
    next: (time) => anchor + Math.max(1, Math.floor((time - anchor) / everyMs) + 1) * everyMs,
    shortestMs: everyMs,
  };
}

/** One moment. */
export function momentTimetable(at: number): Timetable {
  return { next: (time) => (time < at ? at : undefined), shortestMs: Infinity };
}

export interface Times {
  /** In order; no more than were asked for, the latest ones. */
  readonly list: readonly number[];
  /** Earlier ones that were left out. */
  readonly omitted: number;
  /** There are more that were left out, and not counted. */
  readonly isMore: boolean;
}

/** After so many the rest is searched for from the end. */
const mostCounted = 1_000;
const firstSpanMs = 60_000;

/** The times after `after` up to `until`, both excluded and included as written; the latest `most` of them. */
export function timesBetween(
  timetable: Timetable,
  { after, until, most }: { readonly after: number; readonly until: number; readonly most: number },
): Times {
  const list: number[] = [];
  let omitted = 0;
  for (let time = timetable.next(after); time !== undefined && time <= until; time = timetable.next(time)) {
    list.push(time);
    if (list.length > most) {
      list.shift();
      omitted++;
    }
    if (omitted + list.length > most + mostCounted) {
      return { list: latest(timetable, { after, until, most }), omitted, isMore: true };
    }
  }
  return { list, omitted, isMore: false };
}

/** The latest `most` times of very many: looks back from the end, twice as far each time. */
function latest(
  timetable: Timetable,
  { after, until, most }: { readonly after: number; readonly until: number; readonly most: number },
): readonly number[] {
  for (let spanMs = firstSpanMs; ; spanMs *= 2) {
    const from = Math.max(after, until - spanMs);
    const list: number[] = [];
    for (let time = timetable.next(from); time !== undefined && time <= until; time = timetable.next(time)) {
      list.push(time);
    }
    if (list.length >= most || from === after) return list.slice(-most);
  }
}
