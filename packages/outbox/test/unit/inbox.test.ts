/** The inbox, over memory and with a clock of its own. */
import { defineEvent, defineTask, isCeleriacError } from '@celeriac/core';
import { testApp, virtualClock } from '@celeriac/testing';
import { expect } from 'chai';

import {
  Inbox,
  InboxCleaner,
  MemoryDatabase,
  MemoryInboxStore,
  type MemoryTransaction,
} from '../../dist/index.js';

const charge = defineTask({
  name: 'billing.charge',
  input: { type: 'object', properties: { orderId: { type: 'string' } }, required: ['orderId'] },
});
const dealUpdated = defineEvent({ object: 'deal', action: 'update' });

describe('the inbox', () => {
  const clock = virtualClock();
  const database = new MemoryDatabase();
  let inbox: Inbox<MemoryTransaction, MemoryDatabase>;
  let ran: string[];

  beforeEach(() => {
    inbox = new Inbox({ store: new MemoryInboxStore({ clock }), clock });
    ran = [];
  });

  const once = (id: string, consumer?: string): Promise<unknown> =>
    database.transaction((tx) =>
      inbox.once(
        tx,
        id,
        () => ran.push(`${consumer ?? ''}${id}`),
        consumer === undefined ? {} : { consumer },
      ),
    );

  it('runs the work of a message once, and says whether it did', async () => {
    expect(await once('a')).to.deep.equal({ first: true, value: 1 });
    expect(await once('a')).to.deep.equal({ first: false });
    expect(await once('b')).to.deep.include({ first: true });

    expect(ran).to.deep.equal(['a', 'b']);
  });

  it('runs it once per consumer', async () => {
    for (const consumer of ['x', 'y', 'x']) await once('a', consumer);

    expect(ran).to.deep.equal(['xa', 'ya']);
  });

  it('runs it again when its transaction was rolled back, or the work failed', async () => {
    await database
      .transaction(async (tx) => {
        await inbox.once(tx, 'a', () => ran.push('rolled back'));
        throw new Error('no');
      })
      .catch(() => undefined);
    await database.transaction((tx) =>
      inbox
        .once(tx, 'a', () => {
          ran.push('failed');
          throw new Error('no');
        })
        .catch(() => undefined),
    );

    await once('a');

    expect(ran).to.deep.equal(['rolled back', 'failed', 'a']);
  });

  it('makes the second of two at the same time wait for the first, and take over when that fails', async () => {
    let fail: (error: Error) => void = () => undefined;
    const first = database.transaction((tx) =>
      inbox.once(tx, 'a', () => new Promise((_, reject) => (fail = reject))),
    );
    const second = once('a');
    await clock.advance('1s');
    expect(ran).to.deep.equal([]);

    fail(new Error('no'));
    await first.catch(() => undefined);
    await second;

    expect(ran).to.deep.equal(['a']);
  });

  it('refuses a message without an id', async () => {
    const error: unknown = await once('').catch((thrown: unknown) => thrown);

    expect(isCeleriacError(error, 'ERR_INPUT_INVALID')).to.equal(true);
  });

  it('forgets keys when they are old, and only those, a batch at a time', async () => {
    for (let n = 0; n < 25; n++) await once(`old ${n}`);
    await clock.advance('2h');
    await once('young');

    const forgetting = inbox.cleanUp({ keep: '1h', batch: 10 });
    await clock.advance('1s');

    expect(await forgetting).to.equal(25);
    await once('young');
    await once('old 1');
    expect(ran.filter((id) => id === 'young')).to.have.length(1);
    expect(ran.filter((id) => id === 'old 1')).to.have.length(2);
  });

  it('is cleaned up in the background, whatever fails', async () => {
    const store = new MemoryInboxStore({ clock });
    const forget = store.forget.bind(store);
    let fails = 1;
    store.forget = (options) => (fails-- > 0 ? Promise.reject(new Error('down')) : forget(options));
    inbox = new Inbox({ store, clock });
    await once('a');
    await using cleaner = new InboxCleaner({ inbox, keep: '1h', every: '30m', clock });
    cleaner.start();
    await clock.advance('2h');
    await cleaner.stop();

    await once('a');

    expect(ran).to.deep.equal(['a', 'a']);
    expect(clock.timers).to.equal(0);
  });

  describe('in handlers', () => {
    it('runs a task once, gives its transaction, and acknowledges a repeat', async () => {
      await using app = await testApp({
        register: (worker) => {
          worker.task(
            charge,
            inbox.handler(database, (input, context, tx) => {
              ran.push(`${input.orderId} ${context.task} ${tx instanceof Object}`);
              return 'charged';
            }),
          );
        },
      });

      const results = [];
      for (let n = 0; n < 2; n++) results.push(await app.run(charge, { orderId: '7' }, { id: 'a' }));

      expect(ran).to.deep.equal(['7 billing.charge true']);
      expect(results.map((result) => result.expectSucceeded())).to.deep.equal(['charged', undefined]);
    });

    it('returns to a repeat what was returned at first, where that is kept', async () => {
      const invoice = defineTask({
        name: 'invoice',
        output: { type: 'object', properties: { number: { type: 'integer' } }, required: ['number'] },
      });
      const big = 2n ** 60n;
      await using app = await testApp({
        register: (worker) => {
          worker.task(
            invoice,
            inbox.handler(database, () => ({ number: ran.push('invoice'), big }), { keepResult: true }),
          );
        },
      });

      const results = [];
      for (let n = 0; n < 2; n++) results.push(await app.run(invoice, undefined, { id: 'a' }));

      for (const result of results) expect(result.expectSucceeded()).to.deep.equal({ number: 1, big });
    });

    it('undoes what a failed attempt did, so that the next one runs', async () => {
      let attempts = 0;
      const committed: string[] = [];
      await using app = await testApp({
        register: (worker) => {
          worker.task(
            charge,
            inbox.handler(database, (_input, _context, tx) => {
              attempts++;
              tx.onEnd((how) => committed.push(how));
              if (attempts === 1) throw new Error('at first');
            }),
          );
        },
      });

      for (let n = 0; n < 3; n++) await app.run(charge, { orderId: '7' }, { id: 'a' });

      expect(committed).to.deep.equal(['rolled-back', 'committed']);
    });

    it('tells handlers of one application apart by their names, and refuses those without', async () => {
      const note = (name: string) => () => void ran.push(name);
      await using app = await testApp({
        register: (worker) => {
          worker
            .application('search')
            .on(dealUpdated, inbox.handler(database, note('first'), { consumer: 'first' }))
            .on(dealUpdated, inbox.handler(database, note('second'), { consumer: 'second' }));
          worker
            .application('mail')
            .on(dealUpdated, inbox.handler(database, note('third')))
            .on(dealUpdated, inbox.handler(database, note('fourth')));
        },
      });

      const result = await app.publishEvent(dealUpdated, { id: 7 });

      result.of('search').expectSucceeded();
      expect(ran.sort()).to.deep.equal(['first', 'second', 'third']);
      const { error } = result.of('mail');
      expect(isCeleriacError(error, 'ERR_INPUT_INVALID')).to.equal(true);
    });
  });
});
