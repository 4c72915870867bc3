/** The relay, over memory and with a clock of its own. */
import type { ErrorCode } from '@celeriac/core';
import { expect } from 'chai';

import { type OutboxInMemory, outboxInMemory } from '../support/relay.js';

describe('the relay', () => {
  let parts: OutboxInMemory;

  beforeEach(async () => {
    parts = await outboxInMemory();
  });

  afterEach(async () => {
    await parts.stop();
  });

  it('publishes what was committed, in order and under the ids that were given out', async () => {
    const { outbox, database, publisher, clock, store } = parts;
    const receipts = await database.transaction(async (tx) => [
      await outbox.send(tx, 'billing.charge', { orderId: '7' }),
      await outbox.send(tx, 'math.add', [2, 3]),
    ]);
    expect(parts.sentIds()).to.deep.equal([]);

    parts.relay();
    await clock.advance('1s');

    expect(parts.sentIds()).to.deep.equal(receipts.map(({ id }) => id));
    expect(publisher.sent[0]).to.deep.include({ queue: 'billing', input: { orderId: '7' } });
    expect(await store.stats()).to.deep.equal({ pending: 0, oldestMs: 0, setAside: 0 });
  });

  it('is woken by a write, and does not wait for its poll', async () => {
    parts.relay({ poll: '1h' });
    await parts.clock.advance('1s');

    await parts.send('a');
    await parts.clock.advance('10ms');

    expect(parts.sentIds()).to.deep.equal(['a']);
  });

  it('polls a store that cannot tell', async () => {
    const { store, clock } = parts;
    Object.assign(store, { listen: undefined });
    parts.relay({ poll: '5s' });
    await clock.advance('1s');
    await parts.send('a');
    await clock.advance('3s');
    expect(parts.sentIds()).to.deep.equal([]);

    await clock.advance('2s');

    expect(parts.sentIds()).to.deep.equal(['a']);
  });

  it('shares the rows between relays: each is published once', async () => {
    const ids = Array.from({ length: 500 }, (_, n) => `id-${n}`);
    await parts.send(...ids);
    for (let n = 0; n < 3; n++) parts.relay({ batchSize: 7 });
    await parts.clock.advance('10s');

    expect(parts.sentIds()).to.have.length(500);
    expect(new Set(parts.sentIds())).to.have.property('size', 500);
  });

  it('publishes rows of one order key one after the other, whatever happens to the first', async () => {
    const { clock, database, outbox } = parts;
    const failures: Record<string, ErrorCode> = { a1: 'ERR_PUBLISH_NACKED' };
    await database.transaction(async (tx) => {
      for (const [id, orderKey] of [
        ['a1', 'a'],
        ['a2', 'a'],
        ['b1', 'b'],
        ['a3', 'a'],
        ['none', ''],
      ] as const)
        await outbox.send(tx, 'x', [], { id, ...(orderKey === '' ? {} : { orderKey }) });
    });
    parts.relay(parts.failing(failures));
    parts.relay(parts.failing(failures));
    await clock.advance('1m');
    expect(parts.sentIds()).to.deep.equal(['b1', 'none']);
    delete failures.a1;

    await clock.advance('5m');

    expect(parts.sentIds()).to.deep.equal(['b1', 'none', 'a1', 'a2', 'a3']);
  });

  it('begins a row of an order key when the one before is confirmed, and gives the rest back at its stop', async () => {
    const { clock, database, outbox, store } = parts;
    const { confirms, publisher } = parts.held();
    await database.transaction(async (tx) => {
      for (const id of ['a1', 'a2', 'a3']) await outbox.send(tx, 'x', [], { id, orderKey: 'a' });
    });
    const relay = parts.relay({ publisher });
    await clock.advance('1s');
    expect([...confirms.keys()]).to.deep.equal(['a1']);
    confirms.get('a1')?.();
    await clock.advance('1s');
    expect([...confirms.keys()]).to.deep.equal(['a1', 'a2']);

    const stopping = relay.stop();
    await clock.advance('1s');
    confirms.get('a2')?.();
    await clock.advance('1s');

    expect(await stopping).to.deep.equal({ unfinished: 0 });
    expect(await store.stats()).to.include({ pending: 1 });
    parts.relay();
    await clock.advance('1s');
    expect(parts.sentIds()).to.deep.equal(['a1', 'a2', 'a3']);
  });

  it('takes rows of an order key anew that could outlive their lease', async () => {
    const { clock, database, outbox, store } = parts;
    const { confirms, publisher } = parts.held();
    const told: string[] = [];
    const settle = store.settle.bind(store);
    store.settle = (owner, endings) => {
      told.push(...endings.map(({ position, how }) => `${position} ${how}`));
      return settle(owner, endings);
    };
    await database.transaction(async (tx) => {
      for (const id of ['a1', 'a2', 'a3']) await outbox.send(tx, 'x', [], { id, orderKey: 'a' });
    });
    parts.relay({ publisher, publishTimeout: '30s' }); // the lease: 60 s
    for (const [id, after] of Object.entries({ a1: '29s', a2: '2s', a3: '1s' })) {
      await clock.advance(after);
      expect([...confirms.keys()].at(-1)).to.equal(id);
      confirms.get(id)?.();
      await clock.advance('1s');
    }

    expect(told).to.deep.equal(['1 published', '2 published', '3 again', '3 published']);
    expect(parts.sentIds()).to.deep.equal(['a1', 'a2', 'a3']);
  });

  it('is not held up by one confirm that does not come', async () => {
    const { confirms, publisher } = parts.held();
    parts.relay({ publisher });
    await parts.send('slow', 'fast');
    await parts.clock.advance('10ms');
    confirms.get('fast')?.();
    await parts.clock.advance('1s');
    expect(await parts.store.stats()).to.include({ pending: 1 });

    await parts.send('next');
    await parts.clock.advance('1s');
    confirms.get('next')?.();
    await parts.clock.advance('1s');

    expect(parts.sentIds()).to.deep.equal(['fast', 'next']);
    confirms.get('slow')?.();
  });

  it('has no more rows and bytes on their way than it may', async () => {
    const { clock, database, outbox } = parts;
    const { confirms, publisher } = parts.held();
    await database.transaction((tx) =>
      outbox.sendMany(
        tx,
        'x',
        Array.from({ length: 10 }, () => ['x'.repeat(1000)]),
      ),
    );
    parts.relay({ publisher, batchSize: 5, batchBytes: 2500 });
    await clock.advance('100ms');
    expect(confirms).to.have.property('size', 3);
    await clock.advance('10s');

    expect(confirms).to.have.property('size', 5);
    for (let count = 0; count < 10; count++) {
      for (const confirm of confirms.values()) confirm();
      await clock.advance('1s');
    }
  });
});
