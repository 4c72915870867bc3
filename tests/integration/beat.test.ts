/** Beat over the embedded broker: one active of several, commands, schedules that change, and what it refuses. */
import { defineTask, isCeleriacError } from '@celeriac/core';
import { openBeatControl } from '@celeriac/worker';
import { expect } from 'chai';

import { beatConfig, copies, embedded, queue, WatchedBeat, written } from '../support/beat.js';
import { rejection } from '../support/clients.js';
import { waitFor } from '../support/wait-for.js';

const rare = { task: 'rare', cron: '0 0 1 1 *', args: [1, 'x'], kwargs: { a: true } } as const;

describe('beat', () => {
  it('sends every run once, whichever of several is active, and goes on at once when that one stops', async () => {
    await using broker = await embedded();
    const config = beatConfig(broker.url, { tick: { task: 't', every: 0.1 } });
    await using one = new WatchedBeat(config);
    await using two = new WatchedBeat(config);
    await one.beat.start();
    await two.beat.start();
    await waitFor(() => one.sent.length >= 3, { what: 'three runs' });
    expect([one.beat.isActive, two.beat.isActive]).to.deep.equal([true, false]);

    await one.beat.stop();
    await waitFor(() => two.sent.length >= 3, { what: 'three runs of the other' });
    await two.beat.stop();

    const found = copies((await broker.place.take(queue)).map(({ id }) => id));
    const state = await written(broker.place, 'tick');
    expect(Math.max(...found.values())).to.equal(1);
    expect(found.size).to.equal((state.lastAt - state.anchor) / 100);
    expect(state.sent).to.equal(found.size);
  });

  it('heeds pause, resume and run, tells how schedules are, and keeps commands for the next active one', async () => {
    await using broker = await embedded();
    const config = beatConfig(broker.url, { tick: { task: 't', every: 0.1 }, rare });
    await using control = await openBeatControl({ config, env: {}, timeout: '500ms' });
    expect(await control.schedules()).to.deep.equal({ active: null, schedules: [] });
    expect(await control.pause('tick')).to.deep.equal({ heeded: false });
    await using watched = new WatchedBeat(config);
    await watched.beat.start();
    await waitFor(() => watched.beat.isActive, { what: 'it to be active' });

    await using quick = await openBeatControl({ config, env: {}, timeout: '30s' });
    const { active, schedules } = await quick.schedules();
    expect(active).to.match(new RegExp(`:${process.pid}$`, 'u'));
    expect(schedules.map(({ name, isPaused, next }) => [name, isPaused, next === null])).to.deep.equal([
      ['tick', true, true],
      ['rare', false, false],
    ]);
    expect(watched.sent).to.deep.equal([]);
    const { id, heeded } = await quick.run('rare');
    expect(heeded).to.equal(true);
    const [message] = await waitFor(async () => {
      const all = await broker.place.take(queue);
      return all.length > 0 && all;
    });
    expect(message?.id).to.equal(id);
    const [args, kwargs] = JSON.parse(message?.body ?? '') as readonly unknown[];
    expect([args, kwargs]).to.deep.equal([[1, 'x'], { a: true }]);
    await quick.resume('tick');
    await waitFor(() => watched.sent.filter(({ schedule }) => schedule === 'tick').length >= 2);
    expect(await rejection(quick.run('nobody'))).to.include({ code: 'ERR_SCHEDULE_UNKNOWN' });
    await watched.beat.stop();
    const left = await control.schedules();
    expect(left.active).to.equal(null);
    expect(left.schedules.find(({ name }) => name === 'rare')).to.include({ sent: 1, task: null });
  });

  it('sends nothing of a schedule that was changed or removed', async () => {
    await using broker = await embedded();
    const first = new WatchedBeat(
      beatConfig(broker.url, { tick: { task: 'old', every: 0.1 }, gone: { task: 'gone', every: 0.1 } }),
    );
    await first.beat.start();
    await waitFor(() => first.sent.length >= 4, { what: 'runs of the old schedules' });
    await first.beat.stop();
    await broker.place.take(queue);

    await using second = new WatchedBeat(beatConfig(broker.url, { tick: { task: 'new', every: 0.15 } }));
    await second.beat.start();
    await waitFor(() => second.sent.length >= 3, { what: 'runs of the new schedule' });
    await second.beat.stop();

    const tasks = (await broker.place.take(queue)).map(({ headers }) => headers.task);
    expect(new Set(tasks)).to.deep.equal(new Set(['new']));
    expect(tasks.length).to.equal(second.sent.length);
    expect(second.log.matching(/beat is active/u)[0]).to.deep.include({
      changed: ['tick'],
      removed: ['gone'],
    });
  });

  it('catches up after a stop as the schedule says, and names what is left out', async () => {
    await using broker = await embedded();
    const missed = { task: 't', every: 0.2 };
    const schedules = {
      none: { ...missed, catch_up: 'none' },
      last: { ...missed, catch_up: 'last' },
      all: { ...missed, catch_up: 'all', catch_up_limit: 3 },
    } as const;
    const config = beatConfig(broker.url, schedules);
    const first = new WatchedBeat(config);
    await first.beat.start();
    await waitFor(() => first.sent.length >= 3, { what: 'first runs' });
    await first.beat.stop();
    await broker.place.take(queue);
    // Two hours and a bit later, by the clock on the wall.
    const { systemClock } = await import('@celeriac/core');
    const clock = { ...systemClock, now: () => systemClock.now() + 7_200_000 };
    await using second = new WatchedBeat(config, { clock });
    const sent = (name: string): number[] =>
      second.sent.filter(({ schedule }) => schedule === name).map(({ at }) => at.getTime());

    await second.beat.start();
    await waitFor(() => ['none', 'last', 'all'].every((name) => sent(name).length > 0), { within: 120_000 });
    const missedUntil = clock.now() - 60_000;
    await second.beat.stop();

    expect(
      sent('none').filter((at) => at < missedUntil - 5_000),
      'none',
    ).to.deep.equal([]);
    expect(sent('all').filter((at) => at < missedUntil).length, 'all').to.be.within(1, 5);
    for (const name of Object.keys(schedules)) {
      const [line] = second.log.lines.filter((one) => one.schedule === name && /missed/u.test(one.message));
      expect(line, name).to.include({ level: 'warn' });
      expect(line?.count, name).to.be.above(500);
    }
  });

  it('is refused input that its contract refuses, before it connects', async () => {
    const charge = defineTask({
      name: 'charge',
      input: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } as const,
    });
    const watched = new WatchedBeat(beatConfig('amqp://127.0.0.1:1', {}));
    watched.beat.schedule('charge', { task: charge, input: { id: 5 as unknown as string }, every: '1h' });
    expect(await rejection(watched.beat.start())).to.include({ code: 'ERR_INPUT_INVALID' });
    expect(watched.log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });

  it('refuses to skip overlapping runs where it cannot know of them', async () => {
    const alone = { task: 't', every: 1, overlap: 'skip' } as const;
    await using watched = new WatchedBeat(beatConfig('amqp://127.0.0.1:1', { alone }));
    const { code, values } = await rejection(watched.beat.start());
    expect([code, values]).to.deep.equal(['ERR_SCHEDULE_INVALID', { schedule: 'alone', key: 'overlap' }]);
  });

  it('refuses a queue of its name that serves several consumers at once', async () => {
    await using broker = await embedded();
    await broker.place.declare('celeriac.beat', { 'x-queue-type': 'quorum' });
    await using watched = new WatchedBeat(beatConfig(broker.url, { rare }));
    const error = await rejection(watched.beat.start());
    expect(isCeleriacError(error, 'ERR_TOPOLOGY_MISMATCH')).to.equal(true);
  });

  it('drops what others put into its queue, and goes on', async () => {
    await using broker = await embedded();
    await using watched = new WatchedBeat(beatConfig(broker.url, { tick: { task: 't', every: 0.1 } }));
    await watched.beat.start();
    await waitFor(() => watched.sent.length > 0);
    await broker.place.publish('celeriac.beat', 'x', {});
    await broker.place.publish('celeriac.beat', { epoch: 'x' }, { type: 'celeriac.beat.state' });
    await broker.place.publish(
      'celeriac.beat',
      { epoch: 0, revision: 5, writer: 'w', entries: {} },
      { type: 'celeriac.beat.state' },
    );
    await waitFor(() => watched.log.matching(/not of beat/u).length === 2, { what: 'both to be dropped' });
    const before = watched.sent.length;
    await waitFor(() => watched.sent.length > before + 1, { what: 'it to go on' });
  });
});
