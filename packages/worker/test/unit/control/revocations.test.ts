/** Which tasks must not run, for how long, and how many of them are remembered. */
import { expect } from 'chai';

import { Revocations } from '../../../dist/control/revocations.js';
import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';

const hour = 3_600_000;
const task = (id: string, stamps?: Record<string, unknown>) => ({
  id,
  ...(stamps === undefined ? {} : { stamps }),
});

describe('Revocations', () => {
  let clock: ManualClock;
  let revocations: Revocations;

  beforeEach(() => {
    clock = new ManualClock();
    revocations = new Revocations(clock, { expiryMs: 3 * hour, most: 3 });
  });

  it('forgets a task after the usual time, or when it was said', async () => {
    revocations.add(['usual']);
    revocations.add(['late'], clock.now() + 100 * hour);

    await clock.advance(3 * hour + 1);
    expect(revocations.ids()).to.deep.equal(['late']);
    expect(revocations.has(task('usual'))).to.equal(false);
    expect(revocations.has(task('late'))).to.equal(true);
    await clock.advance(98 * hour);
    expect(revocations.has(task('late'))).to.equal(false);
    expect(revocations.isEmpty).to.equal(true);
  });

  it('does not shorten what was to be remembered longer', async () => {
    revocations.add(['a'], clock.now() + 10 * hour);
    revocations.add(['a']);

    await clock.advance(9 * hour);
    expect(revocations.has(task('a'))).to.equal(true);
  });

  it('forgets what is over first, then the oldest, when there are too many', async () => {
    revocations.add(['oldest', 'short', 'young']);
    revocations.add(['short'], clock.now() + 1);
    revocations.add(['long'], clock.now() + 100 * hour);
    expect(revocations.ids()).to.deep.equal(['young', 'short', 'long']);

    await clock.advance(4 * hour);
    revocations.add(['x', 'y']);
    expect(revocations.ids()).to.deep.equal(['long', 'x', 'y']);
  });

  it('takes no id that AMQP could not carry', () => {
    revocations.add(['', 'x'.repeat(256)]);
    expect(revocations.isEmpty).to.equal(true);
  });

  it('knows tasks by their stamps, one value or several', () => {
    revocations.addStamps({ tenant: ['acme', 'ajax'], run: 7 });

    expect(revocations.has(task('1', { tenant: 'ajax' }))).to.equal(true);
    expect(revocations.has(task('2', { run: [6, 7] }))).to.equal(true);
    expect(revocations.has(task('3', { tenant: 'other', run: '7x' }))).to.equal(false);
    expect(revocations.has(task('4'))).to.equal(false);
  });
});
