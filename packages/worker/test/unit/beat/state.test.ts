import type { Config } from '@celeriac/core';
import { expect } from 'chai';

import { readMessage } from '../../../dist/beat/messages.js';
import { makeSchedule, type Schedule } from '../../../dist/beat/schedule.js';
import { type BeatState, isNewer, readState, takeOver } from '../../../dist/beat/state.js';

const config = { beat: { queue: 'b' }, tasks: { time_zone: 'UTC' } } as Config;
const schedule = (name: string, every: number): Schedule => makeSchedule(name, { task: 't', every }, config);

const counts = { sent: 3, skipped: 1, overlapped: 0 };
const entry = { timing: 'every 10 s', anchor: 1, lastAt: 900, isPaused: true, ...counts };
const before: BeatState = { epoch: 4, revision: 9, writer: 'x', entries: { a: entry, gone: entry } };
const taking = { before, now: 1_000, writer: 'me', missedAfterMs: 60_000 };

describe('the state of beat', () => {
  it('goes on where the last process stopped, and forgets what is no schedule any more', () => {
    const { state, changes } = takeOver({ ...taking, schedules: [schedule('a', 10), schedule('new', 10)] });
    expect(state).to.include({ epoch: 5, revision: 0, writer: 'me' });
    expect(Object.keys(state.entries)).to.deep.equal(['a', 'new']);
    expect(state.entries.a).to.deep.equal(entry);
    expect(state.entries.new).to.include({ anchor: 1_000, lastAt: 1_000, isPaused: false, sent: 0 });
    expect(changes).to.deep.equal({ added: ['new'], changed: [], ahead: [], removed: ['gone'] });
  });

  it('begins anew where a schedule has other times, and leaves it paused', () => {
    const { state, changes } = takeOver({ ...taking, schedules: [schedule('a', 20)] });
    expect(state.entries.a).to.include({
      timing: 'every 20 s',
      anchor: 1_000,
      lastAt: 1_000,
      isPaused: true,
    });
    expect(changes.changed).to.deep.equal(['a']);
  });

  it('does not wait for a time that a wrong clock has left far ahead', () => {
    const far = { ...before, entries: { a: { ...entry, lastAt: 10_000_000 } } };
    const { state, changes } = takeOver({ ...taking, before: far, schedules: [schedule('a', 10)] });
    expect(state.entries.a?.lastAt).to.equal(1_000);
    expect(changes.ahead).to.deep.equal(['a']);
  });

  it('lets a moment that has only just passed be due', () => {
    const at = (ms: number): Schedule => makeSchedule('m', { task: 't', at: new Date(ms) }, config);
    const now = 1_000_000;
    const lastAt = (ms: number): number | undefined =>
      takeOver({ ...taking, before: undefined, now, schedules: [at(ms)] }).state.entries.m?.lastAt;
    expect(lastAt(now - 1_000)).to.be.below(now - 1_000);
    expect(lastAt(now - 100_000)).to.be.above(now - 100_000);
  });

  it('is newer by its epoch, then by its revision', () => {
    expect(isNewer({ ...before, epoch: 5, revision: 0 }, before)).to.equal(true);
    expect(isNewer({ ...before, revision: 10 }, before)).to.equal(true);
    expect(isNewer(before, before)).to.equal(false);
    expect(isNewer({ ...before, epoch: 3, revision: 99 }, before)).to.equal(false);
  });

  it('is not read from what anyone may have written', () => {
    const bad: unknown[] = [
      undefined,
      null,
      [],
      'x',
      {},
      { ...before, epoch: -1 },
      { ...before, epoch: 1e300 },
      { ...before, epoch: '4' },
      { ...before, writer: 4 },
      { ...before, entries: [] },
    ];
    for (const document of bad) expect(readState(document), JSON.stringify(document)).to.equal(undefined);
    const entries = {
      ok: entry,
      none: null,
      far: { ...entry, lastAt: 1e300 },
      text: { ...entry, anchor: '1' },
    };
    expect(Object.keys(readState({ ...before, entries })?.entries ?? {})).to.deep.equal(['ok']);
  });

  it('comes in messages that are told apart, whatever is in them', () => {
    const read = (type: string | undefined, body: string, more: object = {}) =>
      readMessage({
        properties: { ...(type === undefined ? {} : { type }), ...more },
        body: Buffer.from(body),
      }).kind;
    expect(read('celeriac.beat.state', JSON.stringify(before))).to.equal('state');
    expect(read('celeriac.beat.state', '{')).to.equal('unknown');
    expect(read('celeriac.beat.mark', '')).to.equal('mark');
    const command = JSON.stringify({ action: 'pause', name: 'a' });
    expect(read('celeriac.beat.command', command, { messageId: 'i' })).to.equal('command');
    expect(read('celeriac.beat.command', command)).to.equal('unknown');
    expect(read('celeriac.beat.command', '{"action":"halt","name":"a"}', { messageId: 'i' })).to.equal(
      'unknown',
    );
    expect(read(undefined, '{}')).to.equal('unknown');
  });
});
