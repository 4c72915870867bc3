/** A hundred deaths of the active beat, at the worst moments: no run is lost, and of each death one is doubled at most. */
import { seededRandom } from '@celeriac/core';
import { expect } from 'chai';

import { copies, embedded, MortalBeat, queue, written } from '../support/beat.js';
import { waitFor } from '../support/wait-for.js';

const kills = 100;
const everyMs = 100;
const seed = Number(process.env.CELERIAC_SEED ?? Date.now() % 100_000);

describe('beat whose active process dies again and again', () => {
  it(`loses no run, and doubles one per death at most, under its id (seed ${seed})`, async function () {
    this.timeout(180_000);
    const random = seededRandom(seed);
    const schedules = { tick: { task: 't', every: everyMs / 1000 } };
    await using broker = await embedded();
    const all: MortalBeat[] = [];
    const begin = async (): Promise<void> => void all.push(await MortalBeat.start(broker.port, schedules));
    await using _ = {
      [Symbol.asyncDispose]: async () => {
        for (const one of all) await one[Symbol.asyncDispose]();
      },
    };
    await Promise.all([begin(), begin()]);

    for (let death = 0; death < kills; death++) {
      const active = await waitFor(() => all.find(({ beat }) => beat.isActive), {
        every: 2,
        what: 'an active beat',
      });
      const before = active.sent.length;
      if (random() < 0.5) {
        // Between the confirm of a run and the state that says so: this run will be sent again.
        await new Promise<void>((resolve) => {
          active.beat.on('sent', () => {
            active.kill();
            resolve();
          });
        });
      } else {
        await waitFor(() => active.sent.length > before, { every: 2, what: 'a run' });
        await new Promise((resolve) => setTimeout(resolve, random() * everyMs));
        active.kill();
      }
      await begin();
    }
    const last = await waitFor(() => all.find(({ beat }) => beat.isActive), { what: 'the last active beat' });
    const seen = last.sent.length;
    await waitFor(() => last.sent.length > seen + 1, { what: 'two more runs' });
    await Promise.all(all.map(({ beat }) => beat.stop()));

    const state = await written(broker.place, 'tick');
    const found = copies((await broker.place.take(queue)).map(({ id }) => id));
    const due = (state.lastAt - state.anchor) / everyMs;
    expect(state.skipped, 'runs that were given up').to.equal(0);
    expect(found.size, 'runs that were due, each there').to.equal(due);
    const doubled = [...found.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(doubled, 'copies too many').to.be.within(1, kills);
  });
});
