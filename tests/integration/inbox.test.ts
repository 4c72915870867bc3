/** The inbox in a real PostgreSQL: handlers of a real worker over the embedded broker. */
import { defineTask } from '@celeriac/core';
import { Inbox, type PgQueryable, PostgresInboxStore } from '@celeriac/outbox';
import { expect } from 'chai';
import pg from 'pg';

import { configFor, gate, rejection, WatchedWorker } from '../support/clients.js';
import { OutboxBench } from '../support/outbox.js';
import { usePostgres } from '../support/postgres.js';
import { waitFor } from '../support/wait-for.js';

const charge = defineTask({ name: 'charge' });

describe('the inbox in PostgreSQL', function () {
  const postgres = usePostgres();
  let bench: OutboxBench;

  beforeEach(async () => {
    bench = await OutboxBench.create(postgres());
  });

  afterEach(async () => {
    await bench[Symbol.asyncDispose]();
  });

  const insert = (tx: PgQueryable, id: string): Promise<unknown> =>
    tx.query(`INSERT INTO ${bench.table('orders')} (id) VALUES ($1)`, [id]);

  it('lets a handler that reads, writes and sends do all of it once, however often its message comes', async () => {
    const { inbox, outbox, publisher, broker } = bench;
    await using watched = new WatchedWorker(configFor(broker.url));
    let runs = 0;
    const receipts: string[] = [];
    watched.worker.task(
      charge,
      inbox.handler(bench.pool, async (_input, { id, message }, tx) => {
        await insert(tx, id);
        await outbox.send(tx, 'receipt', [id], { parent: message });
        if (++runs === 1) throw new Error('after everything was written');
      }),
      { retry: { max: 1, delay: '10ms', backoff: 'fixed' } },
    );
    watched.worker.task('receipt', (id: string) => void receipts.push(id));
    await watched.worker.start();
    bench.relay();

    for (let copy = 0; copy < 3; copy++) await publisher.publisher.send(charge, [1], { id: 'a' });
    await publisher.publisher.send(charge, [1], { id: 'b' });
    await waitFor(() => receipts.length === 2);
    await broker.untilEmpty();
    await bench.untilPublished();

    expect(await bench.orders()).to.deep.equal(['a', 'b']);
    expect(receipts.sort()).to.deep.equal(['a', 'b']);
    expect(runs).to.equal(3);
  });

  it('does nothing at a redelivery when the first delivery, whose connection was lost, has committed', async () => {
    const { inbox, publisher, broker } = bench;
    await using watched = new WatchedWorker(configFor(broker.url));
    const hold = gate();
    let runs = 0;
    watched.worker.task(
      charge,
      inbox.handler(bench.pool, async (_input, { id }, tx) => {
        runs++;
        await insert(tx, id);
        await hold.opened;
      }),
    );
    await watched.worker.start();
    await publisher.publisher.send(charge, [1], { id: 'a' });
    await waitFor(() => runs === 1);

    broker.broker.faults.drop({ connection: /worker/u });
    await waitFor(() => watched.lost.length === 1, { what: 'the connection to be lost' });
    hold.open();
    await broker.untilEmpty();

    expect(watched.started.map(({ redelivered }) => redelivered)).to.deep.equal([false, true]);
    expect(await bench.orders()).to.deep.equal(['a']);
    expect(runs).to.equal(1);
  });

  it('keeps neither key nor writes of work that failed, when the transaction is committed all the same', async () => {
    const { inbox } = bench;
    await bench.transaction(async (tx) => {
      await insert(tx, 'before');
      const failed = inbox.once(tx, 'a', async () => {
        await insert(tx, 'half');
        throw new Error('no');
      });
      expect((await rejection(failed)).message).to.equal('no');
      await insert(tx, 'after');
    });
    expect(await bench.orders()).to.deep.equal(['after', 'before']);

    const again = await bench.transaction((tx) => inbox.once(tx, 'a', () => insert(tx, 'whole')));

    expect(again.first).to.equal(true);
    expect(await bench.orders()).to.deep.equal(['after', 'before', 'whole']);
  });

  it('rejects when the handler has swallowed an error that broke its transaction', async () => {
    const handler = bench.inbox.handler(bench.pool, async (_input, { id }, tx) => {
      await insert(tx, id);
      await tx.query('SELECT 1 / 0').catch(() => undefined);
    });

    const error = await rejection(handler(undefined, { id: 'a', task: 'charge' }));

    expect(error).to.have.property('code', '25P02');
    expect(await bench.orders()).to.deep.equal([]);
  });

  it('refuses to work outside of a transaction', async () => {
    const client = new pg.Client(postgres().address);
    await client.connect();
    try {
      for (const tx of [client, bench.pool]) {
        const error = await rejection(bench.inbox.once(tx, 'a', () => insert(tx, 'a')));
        expect(error).to.have.property('code', 'ERR_TRANSACTION_REQUIRED');
      }
    } finally {
      await client.end();
    }
    expect(await bench.orders()).to.deep.equal([]);
  });

  it('runs in transactions of an object mapper, given as a function', async () => {
    const { inbox } = bench;
    const database = <T>(work: (tx: PgQueryable) => Promise<T>): Promise<T> => bench.transaction(work);
    const mapped = new Inbox({
      store: new PostgresInboxStore({ schema: bench.schema }),
    });
    const handler = mapped.handler(
      database,
      async (_input, { id }, tx) => {
        await insert(tx, id);
        return { id, at: 2n ** 60n };
      },
      { keepResult: true },
    );

    const results = [];
    for (let n = 0; n < 2; n++) results.push(await handler(undefined, { id: 'a', task: 'charge' }));

    expect(results).to.deep.equal([
      { id: 'a', at: 2n ** 60n },
      { id: 'a', at: 2n ** 60n },
    ]);
    expect(await bench.orders()).to.deep.equal(['a']);
    expect(await inbox.cleanUp({ keep: '1h' })).to.equal(0);
  });

  it('forgets old keys in batches, and no others', async () => {
    const { inbox } = bench;
    await bench.transaction(async (tx) => {
      for (let n = 0; n < 25; n++) await inbox.once(tx, `old-${n}`, () => undefined);
    });
    await bench.pool.query(
      `UPDATE ${bench.table('celeriac_inbox')} SET handled_at = now() - interval '2 hours'`,
    );
    await bench.transaction((tx) => inbox.once(tx, 'young', () => undefined));

    expect(await inbox.cleanUp({ keep: '1h', batch: 10 })).to.equal(25);

    const { rows } = await bench.pool.query(`SELECT message_id FROM ${bench.table('celeriac_inbox')}`);
    expect(rows).to.deep.equal([{ message_id: 'young' }]);
  });
});
