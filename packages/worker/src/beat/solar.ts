/**
 * The times of the sun at a place: sunrise, noon, the three kinds of dawn and dusk. Pure; astronomy-engine, an optional
 * peer, knows the sun and is loaded with the first such schedule.
 */
import { createRequire } from 'node:module';

import { CeleriacError, type SolarConfig as Solar, type SolarEvent } from '@celeriac/core';
import type * as Library from 'astronomy-engine';
import type { AstroTime, Observer } from 'astronomy-engine';

import { remembering, type Timetable } from './timetable.js';

type Astronomy = typeof Library;
/** The first time from `start` on, within `days`. */
type Search = (start: Date, days: number) => AstroTime | null;

const dayMs = 86_400_000;
/** The same does not happen twice within it. */
const shortestMs = 3_600_000;
/** Beyond this nothing is looked for: at the poles the sun rises once a year. */
const mostDays = 400;
/** Of the sun's centre, degrees (celery.schedules.solar: `_horizons`). */
const altitudes = { civil: -6, nautical: -12, astronomical: -18 } as const;

/** Throws ERR_SCHEDULE_INVALID without the library. */
export function solarTimetable({ event, latitude, longitude }: Solar): Timetable {
  const astronomy = load();
  const search = searchOf(event, astronomy, new astronomy.Observer(latitude, longitude, 0));
  // Asked from the same moments always, so that a time comes out the same to the millisecond whoever asks.
  const ofDay = remembering((day: number) => timesOfDay(search, day));
  const next = (time: number): number | undefined => {
    const first = Math.floor(time / dayMs);
    for (let day = first; day < first + mostDays; day++) {
      const found = ofDay(day).find((one) => one > time);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return { next: remembering(next), shortestMs };
}

/** None near the poles, two where the first comes right after midnight UTC and the second right before the next. */
function timesOfDay(search: Search, day: number): readonly number[] {
  const end = (day + 1) * dayMs;
  const times: number[] = [];
  for (let from = day * dayMs; from < end;) {
    const found = search(new Date(from), (end - from) / dayMs)?.date.getTime();
    if (found === undefined || found >= end) break;
    times.push(found);
    from = found + shortestMs;
  }
  return times;
}

function searchOf(event: SolarEvent, astronomy: Astronomy, observer: Observer): Search {
  const { Body, SearchAltitude, SearchHourAngle, SearchRiseSet } = astronomy;
  if (event === 'solar_noon') return (start) => SearchHourAngle(Body.Sun, observer, 0, start, 1).time;
  const direction = event === 'sunrise' || event.startsWith('dawn') ? 1 : -1;
  if (event === 'sunrise' || event === 'sunset')
    return (start, days) => SearchRiseSet(Body.Sun, observer, direction, start, days);
  const altitude = altitudes[event.slice('dawn_'.length) as keyof typeof altitudes];
  return (start, days) => SearchAltitude(Body.Sun, observer, direction, start, days, altitude);
}

function load(): Astronomy {
  try {
    return createRequire(import.meta.url)('astronomy-engine') as Astronomy;
  } catch (error) {
    throw new CeleriacError('ERR_SCHEDULE_INVALID', {
      message: "Schedules by the sun need the package 'astronomy-engine', which is not installed.",
      hint: 'npm install astronomy-engine@2',
      values: { package: 'astronomy-engine' },
      cause: error,
    });
  }
}
