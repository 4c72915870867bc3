/** What the list of applications says is carried out, once, and what cannot be read changes nothing. */
import { silentLogger } from '@celeriac/core';
import { expect } from 'chai';

import { Pauses } from '../../../dist/event-handler/pauses.js';

class FakeCapsule {
  isPaused = false;
  readonly told: string[] = [];
  pause(): Promise<void> {
    this.isPaused = true;
    this.told.push('pause');
    return Promise.resolve();
  }
  unpause(): Promise<void> {
    this.isPaused = false;
    this.told.push('unpause');
    return Promise.resolve();
  }
}

describe('Pauses', () => {
  const capsules = (): Map<string, FakeCapsule> =>
    new Map([
      ['a', new FakeCapsule()],
      ['b', new FakeCapsule()],
    ]);
  const paused = (name: string) => ({ name, pausedAt: '2031-01-01T00:00:00.000Z' });

  it('pauses and unpauses what differs, and nothing else', async () => {
    const both = capsules();
    let listed = [paused('a'), { name: 'b' }, paused('stranger')];
    const pauses = new Pauses({ list: () => Promise.resolve(listed), capsules: both, logger: silentLogger });

    await pauses.read();
    await pauses.read();
    expect([...both.values()].map(({ told }) => told)).to.deep.equal([['pause'], []]);

    listed = [];
    await pauses.read();
    expect(both.get('a')?.told).to.deep.equal(['pause', 'unpause']);
  });

  it('leaves all as it is where the list cannot be read', async () => {
    const both = capsules();
    let read = (): Promise<ReturnType<typeof paused>[]> => Promise.resolve([paused('a')]);
    const pauses = new Pauses({ list: () => read(), capsules: both, logger: silentLogger });
    await pauses.read();
    read = () => Promise.reject(new Error('no broker'));

    await pauses.read();

    expect(both.get('a')?.isPaused).to.equal(true);
  });

  it('reads once more for all who asked while it was reading, and never twice at once', async () => {
    const waiting: (() => void)[] = [];
    const list = () => new Promise<[]>((resolve) => void waiting.push(() => resolve([])));
    const pauses = new Pauses({ list, capsules: capsules(), logger: silentLogger });
    const asked = [pauses.read(), pauses.read(), pauses.read(), pauses.read()];
    expect(waiting).to.have.length(1);

    waiting[0]?.();
    await asked[0];
    await new Promise(setImmediate);
    expect(waiting).to.have.length(2);
    waiting[1]?.();
    await Promise.all(asked);

    expect(waiting).to.have.length(2);
  });
});
