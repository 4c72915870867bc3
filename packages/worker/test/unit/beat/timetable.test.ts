import { expect } from 'chai';

import { parseCron } from '../../../dist/beat/cron-fields.js';
import {
  cronTimetable,
  intervalTimetable,
  momentTimetable,
  type Timetable,
  timesBetween,
} from '../../../dist/beat/timetable.js';

function cron(expression: string, zone: string): Timetable {
  const parsed = parseCron(expression);
  if (!parsed.ok) throw new Error(parsed.problem);
  return cronTimetable(parsed.pattern, zone);
}

/** Up to `count` times after a moment, without seconds. */
function runs(timetable: Timetable, after: string, count: number): readonly string[] {
  const times: string[] = [];
  let time: number | undefined = Date.parse(after);
  while (times.length < count && (time = timetable.next(time)) !== undefined) {
    times.push(new Date(time).toISOString().replace(':00.000Z', 'Z'));
  }
  return times;
}

const minute = 60_000;

/** Hour and minute of the clock on the wall, for every minute of a span: what Intl says, and nothing of ours. */
function wallClock(
  zone: string,
  from: number,
  until: number,
): { readonly time: number; readonly wall: string }[] {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' });
  const all: { time: number; wall: string }[] = [];
  for (let time = from; time <= until; time += minute) all.push({ time, wall: format.format(time) });
  return all;
}

describe('the times of a cron expression', () => {
  it('an hourly one runs in the repeated hour as well (K16-1 a)', () => {
    expect(runs(cron('0 * * * *', 'America/Los_Angeles'), '2026-11-01T06:30Z', 5)).to.deep.equal([
      '2026-11-01T07:00Z',
      '2026-11-01T08:00Z',
      '2026-11-01T09:00Z',
      '2026-11-01T10:00Z',
      '2026-11-01T11:00Z',
    ]);
  });

  it('a daily one keeps its hour over the day of the change (K16-1 b)', () => {
    expect(runs(cron('4 16 * * *', 'America/New_York'), '2025-03-08T21:04Z', 2)).to.deep.equal([
      '2025-03-09T20:04Z',
      '2025-03-10T20:04Z',
    ]);
  });

  it('a weekly one runs once, at its hour, in the week of the change (K16-1 c)', () => {
    expect(runs(cron('0 12 * * 1', 'America/New_York'), '2026-10-26T16:00Z', 2)).to.deep.equal([
      '2026-11-02T17:00Z',
      '2026-11-09T17:00Z',
    ]);
  });

  it('finds day 31 and 29 February, over years that have none (K16-2)', () => {
    expect(runs(cron('0 0 31 2,3,4,5 *', 'UTC'), '2026-01-01T00:00Z', 5)).to.deep.equal([
      '2026-03-31T00:00Z',
      '2026-05-31T00:00Z',
      '2027-03-31T00:00Z',
      '2027-05-31T00:00Z',
      '2028-03-31T00:00Z',
    ]);
    expect(runs(cron('0 0 29 2 *', 'UTC'), '2096-03-01T00:00Z', 1)).to.deep.equal(['2104-02-29T00:00Z']);
  });

  it('day of month and day of week must both match, as in Celery (K16-2)', () => {
    expect(runs(cron('0 2 29 2 0', 'UTC'), '2026-01-01T00:00Z', 1)).to.deep.equal(['2032-02-29T02:00Z']);
    expect(runs(cron('0 0 13 * fri', 'UTC'), '2026-01-01T00:00Z', 3)).to.deep.equal([
      '2026-02-13T00:00Z',
      '2026-03-13T00:00Z',
      '2026-11-13T00:00Z',
    ]);
  });

  it('counts steps of days from the first, as Celery does', () => {
    expect(runs(cron('0 0 */10 * *', 'UTC'), '2026-01-01T00:00Z', 4)).to.deep.equal([
      '2026-01-11T00:00Z',
      '2026-01-21T00:00Z',
      '2026-01-31T00:00Z',
      '2026-02-01T00:00Z',
    ]);
  });

  it('makes up once for times that the clock leaves out, right after the gap', () => {
    const gaps = [
      ['30 2 * * *', 'Europe/Paris', '2026-03-28T12:00Z', '2026-03-29T01:00Z'],
      ['10,40 2 * * *', 'Europe/Paris', '2026-03-28T12:00Z', '2026-03-29T01:00Z'],
      ['30 2 * * *', 'America/New_York', '2026-03-07T12:00Z', '2026-03-08T07:00Z'],
      ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', '2026-10-03T15:30Z'],
    ] as const;
    for (const [expression, zone, after, expected] of gaps) {
      const [first, second] = runs(cron(expression, zone), after, 2);
      expect(first, `${expression} in ${zone}`).to.equal(expected);
      expect(second?.slice(0, 10), `${expression} in ${zone}`).to.not.equal(expected.slice(0, 10));
    }
  });

  it('runs once where the clock repeats a time', () => {
    const folds = [
      ['30 2 * * *', 'Europe/Paris', '2026-10-24T12:00Z', '2026-10-25T00:30Z', '2026-10-26T01:30Z'],
      ['30 1 * * *', 'America/New_York', '2026-10-31T12:00Z', '2026-11-01T05:30Z', '2026-11-02T06:30Z'],
      ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00Z', '2026-04-04T14:45Z', '2026-04-05T15:15Z'],
    ] as const;
    for (const [expression, zone, after, ...expected] of folds) {
      expect(runs(cron(expression, zone), after, 2), `${expression} in ${zone}`).to.deep.equal(expected);
    }
  });

  it('with a wildcard in minute or hour it goes by elapsed time: a gap has no runs, a repeated hour has them twice', () => {
    expect(
      timesBetween(cron('*/20 2 * * *', 'Europe/Paris'), span('2026-03-29T00:00Z', '2026-03-29T12:00Z')).list,
    ).to.deep.equal([]);
    expect(
      timesBetween(cron('*/20 2 * * *', 'Europe/Paris'), span('2026-10-25T00:00Z', '2026-10-25T12:00Z')).list
        .length,
    ).to.equal(5); // 02:00 itself is the beginning of the span
  });

  it('agrees with the clock on the wall, day by day, over two years and four zones', function () {
    this.timeout(60_000);
    const zones = ['Europe/Paris', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
    for (const zone of zones) {
      const from = Date.UTC(2026, 0, 1);
      const until = Date.UTC(2028, 0, 1);
      const days = new Map<string, number>();
      const day = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' });
      const wall = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'short' });
      const timetable = cron('30 12 * * *', zone);
      for (let time = timetable.next(from); time !== undefined && time < until; time = timetable.next(time)) {
        expect(wall.format(time), `${zone} ${new Date(time).toISOString()}`).to.equal('12:30');
        days.set(day.format(time), (days.get(day.format(time)) ?? 0) + 1);
      }
      expect(days.size, zone).to.be.within(729, 731);
      expect(Math.max(...days.values()), `${zone}: once a day`).to.equal(1);
    }
  });

  it('agrees with the clock on the wall, minute by minute, around every change of the clocks', function () {
    this.timeout(60_000);
    const changes = {
      'Europe/Paris': ['2026-03-29', '2026-10-25'],
      'America/New_York': ['2026-03-08', '2026-11-01'],
      'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
      'Asia/Kolkata': ['2026-03-29'],
    };
    for (const [zone, dates] of Object.entries(changes)) {
      for (const date of dates) {
        const from = Date.parse(date) - 18 * 60 * minute;
        const until = from + 36 * 60 * minute;
        const minutes = wallClock(zone, from, until).filter(({ time }) => time > from);
        for (const past of [0, 7, 30, 45]) {
          const expected = minutes
            .filter(({ wall }) => Number(wall.slice(3)) === past)
            .map(({ time }) => time);
          const { list } = timesBetween(cron(`${past} * * * *`, zone), { after: from, until, most: 1000 });
          expect(list, `${past} * * * * in ${zone} on ${date}`).to.deep.equal(expected);
        }
      }
    }
  });
});

function span(after: string, until: string): { after: number; until: number; most: number } {
  return { after: Date.parse(after), until: Date.parse(until), most: 1000 };
}

describe('the times of an interval', () => {
  it('are whole intervals after it was first seen', () => {
    const every = intervalTimetable(30_000, 1_000);
    expect(every.next(0)).to.equal(31_000);
    expect(every.next(1_000)).to.equal(31_000);
    expect(every.next(31_000)).to.equal(61_000);
    expect(every.next(60_999)).to.equal(61_000);
  });

  it('take no heed of clocks that change', () => {
    const start = Date.parse('2026-03-28T12:00Z');
    const daily = intervalTimetable(86_400_000, start);
    expect(runs(daily, '2026-03-28T12:00Z', 2)).to.deep.equal(['2026-03-29T12:00Z', '2026-03-30T12:00Z']);
  });
});

describe('a moment', () => {
  it('is due once', () => {
    const once = momentTimetable(5_000);
    expect(once.next(0)).to.equal(5_000);
    expect(once.next(5_000)).to.equal(undefined);
  });
});

describe('the times of a span', () => {
  it('are the latest of very many, found without counting all of them', () => {
    const until = Date.UTC(2030, 0, 1);
    const { list, isMore } = timesBetween(cron('* * * * *', 'UTC'), {
      after: Date.UTC(2020, 0, 1),
      until,
      most: 3,
    });
    expect(list).to.deep.equal([until - 2 * minute, until - minute, until]);
    expect(isMore).to.equal(true);
  });

  it('counts what it leaves out', () => {
    const found = timesBetween(intervalTimetable(10, 0), { after: 0, until: 100, most: 4 });
    expect(found).to.deep.equal({ list: [70, 80, 90, 100], omitted: 6, isMore: false });
  });
});
