/** An outbox over RabbitMQ: two relays, many writers, connections that are cut meanwhile. Nothing is lost or out of order. */
import { createOutbox, OutboxRelay, PostgresOutboxStore, schemaSql } from '@celeriac/outbox';
import { expect } from 'chai';
import pg from 'pg';

import { requireRabbit, Vhost } from '../support/broker.js';
import { configFor, WatchedPublisher } from '../support/clients.js';
import { usePostgres } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { waitFor } from '../support/wait-for.js';

const writers = 6;
const transactions = 16;

describe('an outbox over RabbitMQ', function () {
  const postgres = usePostgres();
  let pool: pg.Pool;
  let opened: AsyncDisposable[] = [];

  before(function () {
    requireRabbit(this);
  });

  beforeEach(async () => {
    pool = new pg.Pool({ ...postgres().address, max: 12 });
    pool.on('error', () => undefined); // the server may be gone before its last connections are
    await pool.query(`DROP TABLE IF EXISTS celeriac_outbox; ${schemaSql({ inbox: false })}`);
  });

  afterEach(async () => {
    for (const one of opened.reverse()) await one[Symbol.asyncDispose]();
    opened = [];
    await pool.end();
  });

  async function scene() {
    const vhost = await Vhost.create();
    const proxy = await TcpProxy.start(vhost.rabbit.port);
    opened.push(vhost, proxy);
    const url = vhost.url.replace(`:${vhost.rabbit.port}/`, `:${proxy.port}/`);
    const config = configFor(url, { tasks: { publish_timeout: '5s' } });
    const store = new PostgresOutboxStore({ pool, listen: () => pool.connect() });
    const outbox = await createOutbox({ store, config, env: {} });
    // So short that publishes fail while a connection is made again.
    const relay = async (): Promise<void> => {
      const sender = await WatchedPublisher.open(config);
      const { publisher } = sender;
      opened.push(
        sender,
        new OutboxRelay({ store, publisher, batchSize: 20, publishTimeout: '200ms' }).start(),
      );
    };
    /** Writes ids in a transaction of its own, and does with it what `end` says. */
    const write = async (ids: readonly string[], end = 'COMMIT', orderKey?: string): Promise<void> => {
      const client = await pool.connect();
      await client.query('BEGIN');
      const options = orderKey === undefined ? {} : { orderKey };
      for (const id of ids) await outbox.send(client, 'note', [id], { id, ...options });
      await client.query(end);
      client.release();
    };
    const idsIn = async (): Promise<string[]> =>
      (await vhost.take('celeriac')).map(({ properties: { messageId } }) => messageId as string);
    const untilEmpty = () =>
      waitFor(async () => (await store.stats()).pending === 0, { what: 'an empty outbox' });
    return { proxy, outbox, relay, write, idsIn, untilEmpty };
  }

  it('publishes what was committed, keys in order, whatever happens to connections', async () => {
    const { proxy, relay, write, idsIn, untilEmpty } = await scene();
    await relay();
    await relay();
    const committed: string[] = [];

    const writing = Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; n < transactions; n++) {
        const ids = [`${writer}-${n}-a`, `${writer}-${n}-b`];
        const isKept = n % 7 !== 3;
        await write(ids, isKept ? 'COMMIT' : 'ROLLBACK', writer % 2 === 0 ? `key ${writer}` : undefined);
        if (isKept) committed.push(...ids);
        if (writer === 0 && n % 5 === 4) proxy.reset();
      }
    });
    await Promise.all(writing);
    await untilEmpty();

    const sent = await idsIn();
    expect([...new Set(sent)].sort()).to.deep.equal([...committed].sort());
    for (let writer = 0; writer < writers; writer += 2) {
      const firsts = [...new Set(sent.filter((id) => id.startsWith(`${writer}-`)))];
      expect(firsts).to.deep.equal(committed.filter((id) => id.startsWith(`${writer}-`)));
    }
  });

  it('publishes what was written first and committed last', async () => {
    const { outbox, relay, write, idsIn, untilEmpty } = await scene();
    await relay();
    const client = await pool.connect();
    await client.query('BEGIN');
    await outbox.send(client, 'note', ['early'], { id: 'early' });
    await write(['late']);
    await untilEmpty();
    await client.query('COMMIT');
    client.release();
    await untilEmpty();

    expect(await idsIn()).to.deep.equal(['late', 'early']);
  });
});
