/**
 * Decides what a schedule sends now, run by run: what is due, what was missed and is caught up with, what is left out.
 * Pure. One run at a time, so that a crash can double no more than that one.
 */
import type { CatchUp } from '@celeriac/core';

import { type Timetable, timesBetween } from './timetable.js';

export interface DueFacts {
  readonly timetable: Timetable;
  readonly jitter: (at: number) => number;
  readonly catchUp: CatchUp;
  readonly catchUpLimit: number;
  /** The last time that was dealt with, milliseconds. */
  readonly lastAt: number;
  readonly now: number;
  readonly missedAfterMs: number;
}

export interface Due {
  /** The time of the run to send now; undefined: none. */
  readonly send: number | undefined;
  /** Runs that were missed and are not sent. */
  readonly skipped: number;
  /** There are more than `skipped` counts. */
  readonly isMore: boolean;
  /** Times up to this one are dealt with, once it is sent. */
  readonly lastAt: number;
  /** When to look again, milliseconds; undefined: never. */
  readonly wakeAt: number | undefined;
}

/** Runs on time that are sent one after the other, before older ones count as missed. */
const mostOnTime = 1_000;

export function due(facts: DueFacts): Due {
  const { timetable, jitter, lastAt, now } = facts;
  const wakeAfter = (time: number): number | undefined => {
    const next = timetable.next(time);
    return next === undefined ? undefined : next + jitter(next);
  };
  const onTime = Math.ceil(facts.missedAfterMs / timetable.shortestMs) + 1;
  const most = facts.catchUpLimit + Math.min(mostOnTime, onTime);
  const { list, omitted, isMore } = timesBetween(timetable, { after: lastAt, until: now, most });
  const firstEarly = list.findIndex((time) => time + jitter(time) > now);
  const past = firstEarly === -1 ? list : list.slice(0, firstEarly);
  const last = past.at(-1);
  if (last === undefined) {
    return { send: undefined, skipped: omitted, isMore, lastAt, wakeAt: wakeAfter(lastAt) };
  }
  const chosen = choose(past, facts);
  const [send] = chosen;
  const skipped = omitted + past.length - chosen.length;
  if (send === undefined) return { send, skipped, isMore, lastAt: last, wakeAt: wakeAfter(last) };
  return { send, skipped, isMore, lastAt: send, wakeAt: wakeAfter(send) };
}

/** Those that are sent, in order. All on time are; of those that were missed, what `catchUp` says. */
function choose(past: readonly number[], facts: DueFacts): readonly number[] {
  const { jitter, catchUp, catchUpLimit, now, missedAfterMs } = facts;
  const isMissed = (time: number): boolean => now - (time + jitter(time)) > missedAfterMs;
  const firstOnTime = past.findIndex((time) => !isMissed(time));
  const missed = firstOnTime === -1 ? past : past.slice(0, firstOnTime);
  const onTime = past.slice(missed.length);
  switch (catchUp) {
    case 'none':
      return onTime;
    case 'last':
      return onTime.length > 0 ? onTime : missed.slice(-1);
    case 'all':
      return [...missed.slice(-catchUpLimit), ...onTime];
  }
}
