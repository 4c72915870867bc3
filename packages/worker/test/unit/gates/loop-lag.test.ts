/** What is held and what is said while the event loop is late. The lag and the time are ours here. */
import type { Logger } from '@celeriac/core';
import { expect } from 'chai';

import { type Lag, LoopLag } from '../../../dist/gates/loop-lag.js';
import { ManualClock, settled } from '../../../../core/dist-test/support/manual-clock.js';

class Subject {
  readonly clock = new ManualClock();
  readonly stopping = new AbortController();
  readonly lines: string[] = [];
  lag: Lag = { p99Ms: 1, worstMs: 1 };
  readonly gate: LoopLag;

  constructor(more: { warnMs?: number; limitMs?: number; blockMs?: number } = {}) {
    const note = (message: string): void => void this.lines.push(message);
    const logger: Logger = { debug: note, info: note, warn: note, error: note };
    const { clock, stopping } = this;
    const measure = (): Lag => this.lag;
    const given = { warnMs: 200, limitMs: 500, blockMs: 1000, ...more };
    this.gate = new LoopLag({ ...given, measure, clock, logger, stopping: stopping.signal });
  }

  async late(p99Ms: number, worstMs = p99Ms): Promise<void> {
    this.lag = { p99Ms, worstMs };
    await this.clock.advance(500);
  }

  /** True once it was let through. */
  ask(): { passed: boolean } {
    const state = { passed: false };
    const asked = this.gate.admit();
    if (!(asked instanceof Promise)) state.passed = true;
    else void asked.then(() => (state.passed = true));
    return state;
  }
}

describe('the limit of loop lag', () => {
  it('holds what comes while the loop is late, and lets it go when it has caught up', async () => {
    const one = new Subject();
    expect(one.ask().passed).to.equal(true);
    await one.late(600);
    const held = one.ask();
    await one.late(501);
    expect(held.passed).to.equal(false);
    await one.late(500);
    expect(held.passed).to.equal(true);
    expect(one.ask().passed).to.equal(true);
  });

  it('holds nothing longer than a minute at a time, nor while the worker stops', async () => {
    const one = new Subject();
    await one.late(600);
    const held = one.ask();
    await one.clock.advance(59_000);
    expect(held.passed).to.equal(false);
    await one.clock.advance(2_000);
    expect(held.passed).to.equal(true);
    await one.late(600);
    const other = one.ask();
    one.stopping.abort();
    await settled();
    expect(other.passed).to.equal(true);
    expect(one.ask().passed).to.equal(true);
  });

  it('holds nothing without a limit', async () => {
    const one = new Subject({ limitMs: 0 });
    expect(one.gate.holds).to.equal(false);
    await one.late(5_000);
    expect(one.ask().passed).to.equal(true);
  });

  it('warns at most once a minute, and leaves to the watchdog what it tells of', async () => {
    const one = new Subject({ limitMs: 0 });
    await one.late(199);
    await one.late(1500, 1500);
    expect(one.lines).to.deep.equal([]);
    await one.late(300);
    await one.late(300);
    expect(one.lines).to.have.length(1);
    await one.clock.advance(60_000);
    expect(one.lines).to.have.length(2);
  });

  it('lets go of all that it holds when it is closed', async () => {
    const one = new Subject();
    await one.late(600);
    const held = one.ask();
    one.gate.close();
    await settled();
    expect(held.passed).to.equal(true);
  });
});
