import { expect } from 'chai';

import { due, type DueFacts } from '../../../dist/beat/due.js';
import { intervalTimetable, momentTimetable } from '../../../dist/beat/timetable.js';

const facts: DueFacts = {
  timetable: intervalTimetable(10, 0),
  jitter: () => 0,
  catchUp: 'last',
  catchUpLimit: 3,
  lastAt: 100,
  now: 105,
  missedAfterMs: 20,
};

/** Everything that is sent until nothing is due, and how much was left out. */
function drain(start: Partial<DueFacts>): { readonly sent: number[]; readonly skipped: number } {
  const sent: number[] = [];
  let skipped = 0;
  let { lastAt } = { ...facts, ...start };
  for (;;) {
    const step = due({ ...facts, ...start, lastAt });
    skipped += step.skipped;
    if (step.send === undefined) return { sent, skipped };
    sent.push(step.send);
    lastAt = step.lastAt;
  }
}

describe('what is due', () => {
  it('is nothing before the next time, and says when that is', () => {
    expect(due(facts)).to.deep.equal({
      send: undefined,
      skipped: 0,
      isMore: false,
      lastAt: 100,
      wakeAt: 110,
    });
  });

  it('is one run at a time, in order', () => {
    expect(due({ ...facts, now: 121 })).to.deep.equal({
      send: 110,
      skipped: 0,
      isMore: false,
      lastAt: 110,
      wakeAt: 120,
    });
  });

  it('is every run on time, and of those that were missed what catchUp says', () => {
    const table = [
      // 155: 140 and 150 are on time, 110 to 130 were missed
      ['none', 155, [140, 150], 3],
      ['last', 155, [140, 150], 3],
      ['all', 155, [110, 120, 130, 140, 150], 0],
      // a limit of 3
      ['all', 195, [150, 160, 170, 180, 190], 4],
    ] as const;
    for (const [catchUp, now, sent, skipped] of table) {
      expect(drain({ catchUp, now }), `${catchUp} at ${now}`).to.deep.equal({ sent, skipped });
    }
  });

  it('is the last missed run where none is on time', () => {
    const timetable = intervalTimetable(100, 0);
    const late = { timetable, lastAt: 100, now: 450 };
    expect(drain({ ...late, catchUp: 'last' })).to.deep.equal({ sent: [400], skipped: 2 });
    expect(drain({ ...late, catchUp: 'none' })).to.deep.equal({ sent: [], skipped: 3 });
    expect(drain({ ...late, catchUp: 'all' })).to.deep.equal({ sent: [200, 300, 400], skipped: 0 });
  });

  it('is later by its jitter, and missed that much later too', () => {
    const jitter = (at: number): number => (at === 110 ? 7 : 0);
    expect(due({ ...facts, jitter, now: 115 })).to.include({ send: undefined, lastAt: 100, wakeAt: 117 });
    expect(due({ ...facts, jitter, now: 117 })).to.include({ send: 110 });
    expect(due({ ...facts, jitter, now: 137, catchUp: 'none' })).to.include({ send: 110 });
  });

  it('is never anything again once a moment has passed', () => {
    const once = { ...facts, timetable: momentTimetable(103) };
    expect(due(once)).to.include({ send: 103, wakeAt: undefined });
    expect(due({ ...once, lastAt: 103 })).to.include({ send: undefined, wakeAt: undefined });
  });

  it('is nothing while the clock is behind the last run', () => {
    expect(due({ ...facts, now: 50 })).to.include({ send: undefined, lastAt: 100, wakeAt: 110 });
  });
});
