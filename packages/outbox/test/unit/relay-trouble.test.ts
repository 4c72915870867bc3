/** What the relay does when rows, the broker or the database fail, and at its stop. */
import type { ErrorCode } from '@celeriac/core';
import { expect } from 'chai';

import { MemoryOutboxStore, type OutboxRelay } from '../../dist/index.js';
import { type OutboxInMemory, outboxInMemory } from '../support/relay.js';

describe('the relay in trouble', () => {
  let parts: OutboxInMemory;

  beforeEach(async () => {
    parts = await outboxInMemory();
  });

  afterEach(async () => {
    await parts.stop();
  });

  it('sets a row aside after so many failures of its own, with its error, and the others pass', async () => {
    const { clock, happened, store } = parts;
    parts.relay({ ...parts.failing({ bad: 'ERR_PUBLISH_UNROUTABLE' }), retry: { attempts: 3, first: '1s' } });
    await parts.send('bad', 'good');
    await clock.advance('1m');

    expect(happened).to.deep.equal([
      'failed bad (1)',
      'published good',
      'failed bad (2)',
      'set aside bad (3)',
    ]);
    const [aside] = await store.setAside({ limit: 10 });
    expect(aside).to.include({ messageId: 'bad', attempts: 3, error: 'As the test wants it.' });
    expect(await store.stats()).to.include({ pending: 0, setAside: 1 });
  });

  it('brings back what was set aside, to be tried from the start', async () => {
    const { clock, store } = parts;
    const failures: Record<string, ErrorCode> = { bad: 'ERR_PUBLISH_UNROUTABLE' };
    parts.relay({ ...parts.failing(failures), retry: { attempts: 1 } });
    await parts.send('bad');
    await clock.advance('5s');
    delete failures.bad;

    expect(await store.bringBack()).to.equal(1);
    await clock.advance('5s');

    expect(parts.sentIds()).to.deep.equal(['bad']);
    expect(await store.stats()).to.include({ pending: 0, setAside: 0 });
  });

  it('never sets aside what only finds its queue full', async () => {
    const { clock, happened, store } = parts;
    const failures: Record<string, ErrorCode> = { full: 'ERR_PUBLISH_NACKED' };
    parts.relay({ ...parts.failing(failures), retry: { attempts: 2 } });
    await parts.send('full', 'other');
    await clock.advance('1h');
    expect(await store.stats()).to.include({ pending: 1, setAside: 0 });
    expect(happened).to.include('published other').and.not.include('paused ERR_PUBLISH_NACKED');
    delete failures.full;

    await clock.advance('10m');

    expect(parts.sentIds()).to.deep.equal(['other', 'full']);
  });

  it('pauses while the broker is away, counts nothing against the rows, and goes on by itself', async () => {
    const { clock, happened, publisher, store } = parts;
    publisher.failNext('ERR_PUBLISH_TIMEOUT', { times: 8 });
    parts.relay({ retry: { attempts: 1 } });
    await parts.send('a', 'b');
    await clock.advance('5m');

    expect(parts.sentIds()).to.deep.equal(['a', 'b']);
    expect(happened.filter((one) => one.startsWith('paused'))).to.deep.equal(
      Array.from({ length: 4 }, () => 'paused ERR_PUBLISH_TIMEOUT'),
    );
    expect(happened.slice(-3)).to.have.members(['published a', 'published b', 'resumed']);
    expect(await store.stats()).to.include({ pending: 0, setAside: 0 });
  });

  it('pauses ever longer while the database fails, and loses nothing', async () => {
    const { clock, happened, store } = parts;
    const claim = store.claim.bind(store);
    let asked = 0;
    store.claim = () => {
      asked++;
      return Promise.reject(new Error('the database is down'));
    };
    await parts.send('a');
    parts.relay();
    await clock.advance('10m');
    expect(asked).to.be.within(20, 60);
    expect(new Set(happened)).to.deep.equal(new Set(['paused ERR_OUTBOX_STORE']));
    store.claim = claim;

    await clock.advance('1m');

    expect(parts.sentIds()).to.deep.equal(['a']);
    expect(happened.slice(-2)).to.deep.equal(['resumed', 'published a']);
  });

  it('tells the database again what it could not be told, and takes no further rows before', async () => {
    const { clock, store } = parts;
    const settle = store.settle.bind(store);
    let fails = 3;
    store.settle = (...args) => (fails-- > 0 ? Promise.reject(new Error('down')) : settle(...args));
    parts.relay();
    await parts.send('a');
    await clock.advance('100ms');
    await parts.send('b');
    while (fails > 1) await clock.advance('10ms');
    await clock.advance('5ms');
    expect(parts.sentIds()).to.deep.equal(['a']);

    await clock.advance('30s');

    expect(parts.sentIds()).to.deep.equal(['a', 'b']);
    expect(await store.stats()).to.include({ pending: 0 });
  });

  it('does not wait for a database that says nothing longer than its limit', async () => {
    const { clock, happened, store } = parts;
    const claim = store.claim.bind(store);
    store.claim = () => new Promise(() => undefined);
    parts.relay({ storeTimeout: '3s' });
    await parts.send('a');
    await clock.advance('3s');
    store.claim = claim;
    await clock.advance('10s');

    expect(happened).to.deep.equal(['paused ERR_OUTBOX_STORE', 'resumed', 'published a']);
  });

  it('publishes again, under the same id, what a relay that died had taken', async () => {
    const { clock, store } = parts;
    await parts.send('a', 'b');
    await store.claim({ owner: 'dead', limit: 1, limitBytes: 1e6, leaseMs: 60_000 });
    parts.relay();
    await clock.advance('50s');
    expect(parts.sentIds()).to.deep.equal(['b']);

    await clock.advance('11s');

    expect(parts.sentIds()).to.deep.equal(['b', 'a']);
  });

  it('forgets a row that was published when its lease was over, and leaves others their failures', async () => {
    const { clock, store } = parts;
    await parts.send('a', 'b');
    const first = await store.claim({ owner: 'slow', limit: 2, limitBytes: 1e6, leaseMs: 1000 });
    await clock.advance('2s');
    await store.claim({ owner: 'other', limit: 2, limitBytes: 1e6, leaseMs: 60_000 });
    const [a, b] = first as unknown as [{ position: string }, { position: string }];

    await store.settle('slow', [
      { position: a.position, how: 'published' },
      { position: b.position, how: 'set-aside', attempts: 12, error: 'late news' },
    ]);

    expect(await store.stats()).to.include({ pending: 1, setAside: 0 });
  });

  it('keeps a row that cannot be read, set aside', async () => {
    const { clock, database, store } = parts;
    await database.transaction((tx) =>
      store.write(tx, [
        {
          messageId: 'odd',
          kind: 'task',
          name: 'x',
          queue: 'q',
          orderKey: undefined,
          eta: undefined,
          expires: undefined,
          mandatory: true,
          properties: Buffer.from([0x20, 0, 0, 0, 0, 9, 1]),
          body: Buffer.from('[]'),
        },
      ]),
    );
    parts.relay({ retry: { attempts: 1 } });
    await clock.advance('5s');

    expect((await store.setAside({ limit: 1 }))[0]?.error).to.match(/cannot be read/u);
  });

  describe('at its stop', () => {
    async function stopped(relay: OutboxRelay, grace: string): Promise<{ unfinished: number }> {
      const stopping = relay.stop({ grace });
      await parts.clock.advance('1m');
      return stopping;
    }

    it('waits for confirms under way, tells the database, and takes nothing further', async () => {
      const { confirms, publisher } = parts.held();
      const relay = parts.relay({ publisher });
      await parts.send('a');
      await parts.clock.advance('10ms');
      const stopping = relay.stop({ grace: '10s' });
      await parts.send('b');
      await parts.clock.advance('5s');
      confirms.get('a')?.();
      await parts.clock.advance('1s');

      expect(await stopping).to.deep.equal({ unfinished: 0 });
      expect(parts.sentIds()).to.deep.equal(['a']);
      expect(await parts.store.stats()).to.include({ pending: 1 });
      expect(parts.clock.timers).to.equal(0);
    });

    it('waits no longer than its grace, and says what it left; another relay publishes that', async () => {
      const { publisher } = parts.held();
      const relay = parts.relay({ publisher });
      await parts.send('a');
      await parts.clock.advance('10ms');

      expect(await stopped(relay, '3s')).to.deep.equal({ unfinished: 1 });
      parts.relay();
      await parts.clock.advance('1m');
      expect(parts.sentIds()).to.deep.equal(['a']);
    });

    it('does not hang on a database that says nothing', async () => {
      parts.store.claim = () => new Promise(() => undefined);
      parts.store.listen = () => new Promise(() => undefined);
      const relay = parts.relay();
      await parts.clock.advance('10ms');

      expect(await stopped(relay, '3s')).to.deep.equal({ unfinished: 0 });
    });

    it('is over at once when nothing is under way, also in a pause', async () => {
      const relay = parts.relay();
      await parts.clock.advance('10ms');
      await relay.stop();
      const other = parts.relay({ store: new MemoryOutboxStore({ clock: parts.clock }) });
      parts.store.claim = () => Promise.reject(new Error('down'));
      await other.stop();

      expect(() => relay.start()).to.throw(/stopped/u);
    });
  });
});
