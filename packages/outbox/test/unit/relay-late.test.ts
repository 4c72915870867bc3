/** What the relay does when the database answers too late, when its process stood still, and when a key is taken. */
import type { Clock } from '@celeriac/core';
import { expect } from 'chai';

import { type OutboxInMemory, outboxInMemory } from '../support/relay.js';

describe('the relay, late', () => {
  let parts: OutboxInMemory;

  beforeEach(async () => {
    parts = await outboxInMemory();
  });

  afterEach(async () => {
    await parts.stop();
  });

  it('gives rows back at once that the database handed out too late', async () => {
    const { clock, store } = parts;
    const claim = store.claim.bind(store);
    let asked = 0;
    store.claim = async (what) => {
      const taken = await claim(what);
      if (++asked === 1) await clock.sleep(3000);
      return taken;
    };
    await parts.send('a', 'b');
    parts.relay({ storeTimeout: '2s', publishTimeout: '10m' }); // the lease: over 10 min
    await clock.advance('10s');

    expect(parts.sentIds()).to.deep.equal(['a', 'b']);
  });

  it('gives back nothing that is under way by now when an answer comes too late', async () => {
    const { clock, store } = parts;
    const begun: string[] = [];
    const publishPrepared = ({ id }: { readonly id: string }): Promise<never> => {
      begun.push(id);
      return new Promise(() => undefined);
    };
    const claim = store.claim.bind(store);
    let asked = 0;
    store.claim = async (what) => {
      if (++asked > 1) return claim(what);
      const taken = await claim({ ...what, leaseMs: 0 });
      await clock.sleep(5000);
      return taken;
    };
    await parts.send('a');
    parts.relay({ publisher: { publishPrepared }, storeTimeout: '2s' });
    await clock.advance('20s');

    expect(asked).to.be.above(1);
    expect(begun).to.deep.equal(['a']);
  });

  it('publishes nothing whose lease may be over: the process may have stood still', async () => {
    const { clock, store } = parts;
    let stoodStillMs = 0;
    const late = { ...boundClock(clock), monotonic: () => clock.monotonic() + stoodStillMs };
    const claim = store.claim.bind(store);
    store.claim = async (what) => {
      const taken = await claim(what);
      if (stoodStillMs === 0) {
        stoodStillMs = 120_000;
        store.claim = claim;
        const [first] = taken;
        if (first !== undefined) await store.settle(what.owner, [{ ...first, how: 'again', afterMs: 0 }]);
        await claim({ ...what, owner: 'other' }); // has them by now
      }
      return taken;
    };
    await parts.send('a');
    parts.relay({ clock: late });
    await clock.advance('10s');

    expect(parts.sentIds()).to.deep.equal([]);
  });

  it('counts nothing against a row whose key another message has, and does not pause for it', async () => {
    const { clock, happened, store } = parts;
    parts.relay({ ...parts.failing({ second: 'ERR_UNIQUE_PENDING' }), retry: { attempts: 1 } });
    await parts.send('second');
    await clock.advance('10s');

    expect(happened).to.include('failed second (0)').and.not.include('paused ERR_UNIQUE_PENDING');
    expect(await store.stats()).to.include({ pending: 1, setAside: 0 });
  });
});

/** Its methods as functions of an object of their own. */
function boundClock(clock: OutboxInMemory['clock']): Clock {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    random: () => clock.random(),
    sleep: (...given) => clock.sleep(...given),
    after: (ms, callback) => clock.after(ms, callback),
  };
}
