import type { Config } from '@celeriac/core';
import { expect } from 'chai';

import { makeSchedule, type ScheduleOptions } from '../../../dist/beat/schedule.js';

const config = { beat: { queue: 'b' }, tasks: { time_zone: 'Europe/Paris' } } as Config;
const make = (options: Partial<ScheduleOptions>, name = 'n') =>
  makeSchedule(name, { task: 't', ...options } as ScheduleOptions<never>, config);

describe('a schedule', () => {
  it('is refused with the key, and for cron the field, that is wrong', () => {
    const table: readonly (readonly [Partial<ScheduleOptions>, string, string?])[] = [
      [{}, 'cron'],
      [{ cron: '* * * * *', every: 5 }, 'cron'],
      [{ cron: '61 * * * *' }, 'cron', 'minute'],
      [{ cron: '0 0 30 2 *' }, 'cron', 'day of month'],
      [{ cron: '* * * * *', timeZone: 'Mars/Base' }, 'timeZone'],
      [{ every: 5, timeZone: 'UTC' }, 'timeZone'],
      [{ solar: { event: 'moonrise' as 'sunrise', latitude: 0, longitude: 0 } }, 'solar'],
      [{ solar: { event: 'sunrise', latitude: 91, longitude: 0 } }, 'solar'],
      [{ solar: { event: 'sunrise', latitude: 0, longitude: NaN } }, 'solar'],
      [{ solar: { event: 'sunrise', latitude: 0, longitude: 0 }, every: 5 }, 'cron'],
      [{ every: 0.05 }, 'every'],
      [{ every: 'soon' }, 'every'],
      [{ at: new Date(NaN) }, 'at'],
      [{ every: 5, jitter: '6s' }, 'jitter'],
      [{ cron: '* * * * *', jitter: '2h' }, 'jitter'],
      [{ every: 5, catchUp: 'some' as 'all' }, 'catchUp'],
      [{ every: 5, catchUpLimit: 0 }, 'catchUpLimit'],
      [{ every: 5, overlap: 'never' as 'skip' }, 'overlap'],
      [{ every: 5, overlap: 'skip', longestRun: '31d' }, 'longestRun'],
      [{ every: 5, task: '' }, 'task'],
      [{ every: 5, expires: 'x' }, 'expires'],
    ];
    for (const [options, key, field] of table) {
      const values = { schedule: 'n', key, ...(field === undefined ? {} : { field }) };
      expect(() => make(options), JSON.stringify(options))
        .to.throw()
        .that.deep.includes({ code: 'ERR_SCHEDULE_INVALID', values });
    }
    expect(() => make({ every: 5 }, 'a\nb'))
      .to.throw()
      .with.property('code', 'ERR_SCHEDULE_INVALID');
  });

  it('says when it is due, so that a change of it is seen', () => {
    expect(make({ cron: ' 0  4 * * * ' }).timing).to.equal('cron 0 4 * * * Europe/Paris');
    expect(make({ cron: '0 4 * * *', timeZone: 'UTC' }).timing).to.equal('cron 0 4 * * * UTC');
    expect(make({ every: '2m' }).timing).to.equal('every 120 s');
    const solar = { event: 'sunset', latitude: 59.33, longitude: 18.07 } as const;
    expect(make({ solar }).timing).to.equal('sunset at 59.33 18.07');
    expect(make({ at: new Date(0) }).timing).to.equal('at 1970-01-01T00:00:00.000Z');
  });

  it('is sent under a key of its own where runs must not overlap, over which the last one lasts', () => {
    expect(make({ every: 5 }).sending).to.not.have.property('unique');
    expect(make({ every: 5, overlap: 'skip', longestRun: '2h' }).sending).to.deep.equal({
      unique: { key: 'schedule b n', while: 'queued-or-running', ttl: '2h' },
    });
  });

  it('has a jitter that is the same whoever asks, and differs from run to run', () => {
    const [one, other] = [make({ every: 60, jitter: 30 }), make({ every: 60, jitter: 30 })];
    const times = Array.from({ length: 50 }, (_, index) => index * 60_000);
    expect(times.map(one.jitter)).to.deep.equal(times.map(other.jitter));
    expect(new Set(times.map(one.jitter)).size).to.be.above(40);
    expect(times.every((at) => one.jitter(at) >= 0 && one.jitter(at) < 30_000)).to.equal(true);
  });
});
