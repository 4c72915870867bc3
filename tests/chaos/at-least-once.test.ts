/**
 * Short chaos runs, a choice from the table in docs/reliability.md: every promise of a run is checked, see
 * tests/support/chaos. `npm run chaos` runs all rows, for as long as one likes.
 */
import { expect } from 'chai';

import { requireRabbit } from '../support/broker.js';
import { rowOf } from '../support/chaos/rows.js';
import { requireCelery } from '../support/python.js';
import { Sites } from '../support/chaos/sites.js';

/** Row and faults. */
const chosen = [
  [2, 1],
  [3, 2],
  [14, 2],
  [52, 8],
  [15, 1],
  [54, 2],
] as const;

describe('under faults, what was confirmed runs to its end or is a dead letter, and every other promise is kept:', function () {
  const sites = new Sites();
  const seed = Number(process.env.CELERIAC_SEED ?? Math.floor(Math.random() * 1e9));

  before(function () {
    requireRabbit(this);
    console.log(`      seed ${seed} (CELERIAC_SEED repeats it)`);
  });

  after(async function () {
    this.timeout(60_000);
    await sites.renew();
  });

  for (const [number, repetitions] of chosen) {
    const row = rowOf(number);
    it(`${row.title} (row ${number})`, async function () {
      if (number === 54) requireCelery(this);
      const report = await row.run({ sites, repetitions, seed, say: () => undefined });
      const { broken, ...counts } = report;
      console.log(`      ${JSON.stringify(counts)}`);
      expect(broken).to.deep.equal([]);
      expect(report.lost).to.equal(0);
      expect(report.confirmed).to.be.greaterThan(200);
    });
  }
});
