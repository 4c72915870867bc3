/** Which handler is named when the event loop stood still. The loop is a clock and a timer of our own here. */
import { type Clock, silentLogger, systemClock } from '@celeriac/core';
import { expect } from 'chai';

import { type LoopBlocked, Watchdog } from '../../dist/watchdog.js';

/** Its timers fire when the loop turns. */
class Loop {
  time = 0;
  timer: () => void = () => undefined;
  readonly clock: Clock = {
    ...systemClock,
    monotonic: () => this.time,
    after: (_delay, callback) => {
      this.timer = callback;
      return { cancel: () => undefined };
    },
  };

  /** The next beat, that much later. */
  turn(ms: number): void {
    this.time += ms;
    this.timer();
  }
}

function watched() {
  const loop = new Loop();
  const told: LoopBlocked[] = [];
  const watchdog = new Watchdog({
    warnMs: 1000,
    alarmMs: undefined,
    format: 'text',
    logger: silentLogger,
    clock: loop.clock,
    tell: (_name, blocked) => void told.push(blocked),
  });
  loop.turn(250);
  return { loop, told, watchdog };
}

const work = (id: string) => ({ id, name: 'task' });

describe('watchdog', () => {
  it('says nothing of a loop that turns, however many handlers run', () => {
    const { loop, told, watchdog } = watched();
    watchdog.entered(work('1'));

    for (let n = 0; n < 20; n++) loop.turn(260);

    expect(told).to.deep.equal([]);
  });

  it('names the handler that computed before it returned, and no other', () => {
    const { loop, told, watchdog } = watched();
    const [waiting, blocking] = [work('1'), work('2')];
    watchdog.entered(waiting);
    watchdog.returned(waiting);
    loop.turn(250);

    watchdog.entered(blocking);
    loop.time += 3000;
    watchdog.returned(blocking);
    loop.turn(250);

    expect(told).to.deep.equal([{ durationMs: 3000, handlers: [blocking], certain: true, count: 1 }]);
  });

  it('names one that threw', () => {
    const { loop, told, watchdog } = watched();
    const blocking = work('1');

    watchdog.entered(blocking);
    loop.time += 3000;
    watchdog.ended(blocking);
    loop.turn(250);

    expect(told.map(({ handlers, certain }) => ({ handlers, certain }))).to.deep.equal([
      { handlers: [blocking], certain: true },
    ]);
  });

  it('names all that ran all the while when it was after an await, also one that has ended since', () => {
    const { loop, told, watchdog } = watched();
    const [blocking, waiting, late] = [work('1'), work('2'), work('3')];
    for (const one of [blocking, waiting]) {
      watchdog.entered(one);
      watchdog.returned(one);
    }
    loop.turn(250);

    loop.time += 3000;
    watchdog.ended(blocking);
    watchdog.entered(late);
    watchdog.returned(late);
    loop.turn(250);

    expect(told).to.deep.equal([
      { durationMs: 3000, handlers: [blocking, waiting], certain: false, count: 1 },
    ]);
  });

  it('names nobody when no handler was running, and counts', () => {
    const { loop, told } = watched();

    loop.turn(1250);
    loop.turn(250);
    loop.turn(2250);

    expect(told.map(({ handlers, count }) => [handlers, count])).to.deep.equal([
      [[], 1],
      [[], 2],
    ]);
  });
});
