import { solarEvents } from '@celeriac/core';
import { expect } from 'chai';

import { solarTimetable } from '../../../dist/beat/solar.js';

const hourMs = 3_600_000;
const minuteMs = 60_000;

function times(timetable: ReturnType<typeof solarTimetable>, from: number, until: number): readonly number[] {
  const list: number[] = [];
  for (let at = timetable.next(from); at !== undefined && at < until; at = timetable.next(at)) list.push(at);
  return list;
}

describe('the times of the sun', () => {
  it('are those of the US Naval Observatory, to the minute', () => {
    const atlanta = { latitude: 33.766667, longitude: -84.416667 };
    const from = Date.UTC(2009, 8, 6);
    const rise = solarTimetable({ event: 'sunrise', ...atlanta }).next(from) ?? 0;
    const set = solarTimetable({ event: 'sunset', ...atlanta }).next(rise) ?? 0;
    expect(Math.abs(rise - Date.UTC(2009, 8, 6, 11, 15))).to.be.below(minuteMs);
    expect(Math.abs(set - Date.UTC(2009, 8, 6, 23, 56))).to.be.below(minuteMs);
  });

  it('come in the order of a day', () => {
    const place = { latitude: 59.33, longitude: 18.07 };
    const day = solarEvents.map((event) => solarTimetable({ event, ...place }).next(Date.UTC(2026, 11, 20)));
    expect(day).to.deep.equal([...day].sort());
  });

  it('are one a day over years, on either side of the date line, also where a day of UTC has none or two', () => {
    for (const longitude of [-179.9, -120, 0, 90, 179.9]) {
      const timetable = solarTimetable({ event: 'sunset', latitude: 45, longitude });
      const all = times(timetable, Date.UTC(2026, 0, 1), Date.UTC(2028, 0, 1));
      const gaps = all.slice(1).map((at, index) => at - (all[index] as number));
      expect(all.length, `at ${longitude}`).to.equal(730);
      expect(Math.min(...gaps), `at ${longitude}`).to.be.above(23.9 * hourMs);
      expect(Math.max(...gaps), `at ${longitude}`).to.be.below(24.1 * hourMs);
    }
  });

  it('are left out while the sun does not rise, and come again when it does', () => {
    const svalbard = solarTimetable({ event: 'sunrise', latitude: 78.2, longitude: 15.6 });
    const winter = times(svalbard, Date.UTC(2026, 9, 1), Date.UTC(2027, 2, 1)).map((at) => new Date(at));
    const longest = Math.max(...winter.slice(1).map((at, index) => +at - +(winter[index] as Date)));
    expect(longest).to.be.above(100 * 24 * hourMs);
    const pole = solarTimetable({ event: 'sunrise', latitude: 90, longitude: 0 });
    expect(times(pole, Date.UTC(2026, 0, 1), Date.UTC(2029, 0, 1)).length).to.equal(3);
  });

  it('are the same whoever asks, from whenever', () => {
    const place = { event: 'dawn_civil', latitude: 48.85, longitude: 2.35 } as const;
    const at = solarTimetable(place).next(Date.UTC(2026, 5, 1)) ?? 0;
    for (const before of [1, 1_000, hourMs, 20 * hourMs]) {
      expect(solarTimetable(place).next(at - before)).to.equal(at);
    }
  });
});
