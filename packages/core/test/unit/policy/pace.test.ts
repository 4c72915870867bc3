/** The rule of rate limits: how many start in any period, in which order, and how soon, on a clock of our own. */
import { expect } from 'chai';
import fc from 'fast-check';

import { type Lane, newLane, paceOf, takeTurn } from '../../../dist/policy/pace.js';
import { seededRandom } from '../../../dist/seeded-random.js';

const start = 1e9;
const perMinute = {
  limit: 10,
  periodMs: 60_000,
  burst: 1,
  key: undefined,
  scope: 'worker' as const,
};

interface Simulation {
  readonly rate?: typeof perMinute;
  /** When each task comes for the first time. */
  readonly arrivals: readonly number[];
  /** How late a postponed one comes back: up to a second by the delay queues. */
  readonly late: () => number;
}

interface Start {
  readonly task: number;
  readonly at: number;
}

/** Everyone asks, goes away, and comes back, until all have started. */
function simulate({ rate = perMinute, arrivals, late }: Simulation): { starts: Start[]; asked: number } {
  const pace = paceOf(rate);
  const waiting = arrivals.map((at, task) => ({ at: start + at, task, isReturning: false }));
  const starts: Start[] = [];
  let lane: Lane = newLane;
  let asked = 0;
  for (;;) {
    waiting.sort((a, b) => a.at - b.at);
    const next = waiting.shift();
    if (next === undefined) return { starts, asked };
    asked++;
    const turn = takeTurn(lane, pace, { now: next.at, isReturning: next.isReturning });
    lane = turn.lane;
    if (turn.waitMs === 0) starts.push({ task: next.task, at: next.at - start });
    else waiting.push({ task: next.task, at: next.at + turn.waitMs + late(), isReturning: true });
  }
}

function mostIn(periodMs: number, starts: readonly Start[]): number {
  return Math.max(
    ...starts.map(({ at: from }) => starts.filter(({ at }) => at >= from && at < from + periodMs).length),
  );
}

describe('the pace of a rate limit', () => {
  it('lets 100 tasks that come at once start at 10 a minute, in order, each after one wait', () => {
    const random = seededRandom(7);
    const { starts, asked } = simulate({ arrivals: Array<number>(100).fill(0), late: () => random() * 1000 });

    expect(mostIn(60_000, starts)).to.equal(10);
    expect(asked).to.equal(199);
    expect(starts.map(({ task }) => task)).to.deep.equal(starts.map((_, index) => index));
    expect(starts.at(-1)?.at).to.be.within(99 * 6000, 99 * 6200 + 1000);
  });

  it('never has more than the limit and its burst in any period, whenever they come and however late they are', () => {
    const arrivals = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.integer(), fc.integer({ min: 1, max: 5 }), (times, seed, burst) => {
        const random = seededRandom(seed);
        const late = (): number => random() * (random() < 0.1 ? 20_000 : 1000);
        const { starts } = simulate({ rate: { ...perMinute, burst }, arrivals: times, late });
        expect(starts).to.have.length(times.length);
        expect(mostIn(60_000, starts)).to.be.at.most(10 + burst - 1);
      }),
      { numRuns: 200 },
    );
  });

  it('has for short periods what is due in a second and a half more, at most, and loses no pace', () => {
    const random = seededRandom(3);
    const rate = { ...perMinute, limit: 100, periodMs: 1000 };
    const { starts, asked } = simulate({
      rate,
      arrivals: Array<number>(2000).fill(0),
      late: () => random() * 1000,
    });

    expect(mostIn(1000, starts)).to.be.at.most(100 + 150);
    expect(starts.at(-1)?.at).to.be.within(19_990, 21_000);
    expect(asked).to.be.at.most(2 * 2000);
  });

  it('starts at once what comes after a rest, up to the burst', () => {
    const arrivals = [0, 0, 0, 0, 600_000, 600_000, 600_000, 600_000];
    const { starts } = simulate({ rate: { ...perMinute, burst: 3 }, arrivals, late: () => 0 });

    const atOnce = starts.filter(({ at }) => at === 0 || at === 600_000);
    expect(atOnce.map(({ at }) => at)).to.deep.equal([0, 0, 0, 600_000, 600_000, 600_000]);
  });

  it('lets no newcomer overtake those that have been told a turn', () => {
    const pace = paceOf(perMinute);
    let lane = newLane;
    for (let n = 0; n < 3; n++) ({ lane } = takeTurn(lane, pace, { now: start, isReturning: false }));

    const newcomer = takeTurn(lane, pace, { now: start + 6_200, isReturning: false });
    const returning = takeTurn(newcomer.lane, pace, { now: start + 6_900, isReturning: true });

    expect(newcomer.waitMs).to.be.above(10_000);
    expect(returning.waitMs).to.equal(0);
  });

  it('gives no turn to what expires before it: that would be taken from those who can use it', () => {
    const pace = paceOf(perMinute);
    const { lane } = takeTurn(newLane, pace, { now: start, isReturning: false });

    for (const isReturning of [false, true]) {
      const tooLate = takeTurn(lane, pace, { now: start, isReturning, withinMs: 1_000 });
      const inTime = takeTurn(lane, pace, { now: start, isReturning, withinMs: 60_000 });

      expect(tooLate.lane).to.deep.equal(lane);
      expect([tooLate.waitMs, inTime.waitMs]).to.deep.equal([6_150, 6_150]);
      expect(inTime.lane).not.to.deep.equal(lane);
    }
  });

  it('spreads those that come back all at once, after nobody was there to take them', () => {
    const pace = paceOf(perMinute);
    let lane = newLane;
    const waits = Array.from({ length: 5 }, () => {
      const turn = takeTurn(lane, pace, { now: start, isReturning: true });
      lane = turn.lane;
      return turn.waitMs;
    });

    expect(waits).to.deep.equal([0, 6150, 12_300, 18_450, 24_600]);
  });

  it('takes rates below one per period', () => {
    expect(paceOf({ ...perMinute, limit: 0.5, periodMs: 1000 }).intervalMs).to.equal(2000);
  });
});
