/** Limits that all workers share: leases that are renewed while work runs, and what happens while the store is gone. */
import { type LimitStore, silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { MemoryLanes } from '../../../dist/gates/limits/lanes.js';
import { MemorySeats } from '../../../dist/gates/limits/seats.js';
import { SharedLanes, SharedSeats } from '../../../dist/gates/limits/shared.js';
import { ManualClock } from '../../../../core/dist-test/support/manual-clock.js';
import { rejectionOf } from '../../support/fakes.js';

const pace = { intervalMs: 1000, burstMs: 0 };

function shared(whenUnavailable: 'run' | 'wait') {
  const clock = new ManualClock();
  const calls: string[] = [];
  const state = { isGone: false };
  const call = <Value>(name: string, value: Value): Promise<Value> => {
    calls.push(name);
    return state.isGone ? Promise.reject(new Error('gone')) : Promise.resolve(value);
  };
  const store: LimitStore = {
    turn: () => call('turn', 7),
    takeSeat: () => call('take', true),
    renewSeat: () => call('renew', undefined),
    giveSeatBack: () => call('give back', undefined),
    close: () => Promise.resolve(),
  };
  const own = { lanes: new MemoryLanes(clock, silentLogger), seats: new MemorySeats() };
  const parts = { store, own, whenUnavailable, leaseMs: 30_000, clock, logger: silentLogger };
  return { clock, calls, state, lanes: new SharedLanes(parts), seats: new SharedSeats(parts) };
}

describe('limits that workers share', () => {
  it('renew the lease of a seat while its work runs, and no longer', async () => {
    const { clock, calls, seats } = shared('run');
    const giveBack = await seats.take('a', 1);
    await clock.advance(25_000);
    expect(calls).to.deep.equal(['take', 'renew', 'renew']);
    giveBack!();
    await clock.advance(60_000);
    expect(calls).to.deep.equal(['take', 'renew', 'renew', 'give back']);
    expect(clock.timers).to.equal(0);
  });

  it('go on renewing after a renewal failed', async () => {
    const { clock, calls, state, seats } = shared('run');
    const giveBack = await seats.take('a', 1);
    state.isGone = true;
    await clock.advance(20_000);
    state.isGone = false;
    await clock.advance(10_000);
    expect(calls.filter((name) => name === 'renew')).to.have.length(3);
    giveBack!();
  });

  it('become those of each worker while the store is gone and tasks are to run', async () => {
    const { state, lanes, seats } = shared('run');
    expect(await lanes.ask('a', pace, { isReturning: false })).to.equal(7);
    state.isGone = true;
    expect(await lanes.ask('a', pace, { isReturning: false })).to.equal(0);
    expect(await lanes.ask('a', pace, { isReturning: false })).to.equal(1000);
    const giveBack = await seats.take('a', 1);
    expect(giveBack).to.be.a('function');
    expect(await seats.take('a', 1)).to.equal(undefined);
  });

  it('refuse everything while the store is gone and tasks are to wait', async () => {
    const { state, lanes, seats } = shared('wait');
    state.isGone = true;
    expect(await rejectionOf(lanes.ask('a', pace, { isReturning: false }))).to.be.an('error');
    expect(await rejectionOf(seats.take('a', 1))).to.be.an('error');
  });
});

describe('lanes in memory', () => {
  it('are bounded: those that are forgotten first are the ones that nobody would miss', () => {
    const clock = new ManualClock();
    const lanes = new MemoryLanes(clock, silentLogger, 3);
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      expect(lanes.ask(key, pace, { isReturning: false })).to.equal(0);
    expect(lanes.size).to.equal(3);
    expect(lanes.ask('e', pace, { isReturning: false })).to.equal(1000);
    expect(lanes.ask('a', pace, { isReturning: false })).to.equal(0);
  });
});
