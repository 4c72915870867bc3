/** An outbox in a PostgreSQL schema of its own, the embedded broker, and a publisher. Decides nothing about results. */
import {
  createOutbox,
  Inbox,
  type Outbox,
  OutboxRelay,
  type PgQueryable,
  PostgresInboxStore,
  PostgresOutboxStore,
  type PostgresOutboxOptions,
  type RelayOptions,
  schemaSql,
} from '@celeriac/outbox';
import { startTestBroker, type TestBroker } from '@celeriac/testing';
import pg from 'pg';

import { configFor, WatchedPublisher } from './clients.js';
import type { Postgres } from './postgres.js';
import { waitFor } from './wait-for.js';

let schemas = 0;

export class OutboxBench implements AsyncDisposable {
  readonly schema: string;
  readonly pool: pg.Pool;
  readonly store: PostgresOutboxStore;
  readonly inbox: Inbox<PgQueryable, pg.Pool>;
  readonly outbox: Outbox<PgQueryable>;
  readonly broker: TestBroker;
  readonly publisher: WatchedPublisher;
  #relays: OutboxRelay[] = [];

  private constructor(parts: {
    schema: string;
    pool: pg.Pool;
    store: PostgresOutboxStore;
    outbox: Outbox<PgQueryable>;
    broker: TestBroker;
    publisher: WatchedPublisher;
  }) {
    this.schema = parts.schema;
    this.pool = parts.pool;
    this.store = parts.store;
    this.outbox = parts.outbox;
    this.broker = parts.broker;
    this.publisher = parts.publisher;
    this.inbox = new Inbox({ store: new PostgresInboxStore({ pool: this.pool, schema: this.schema }) });
  }

  /** Tables with names that need their quotes. */
  static async create(postgres: Postgres, options: PostgresOutboxOptions = {}): Promise<OutboxBench> {
    const schema = `shop "${++schemas}"`;
    const pool = new pg.Pool({ ...postgres.address, max: 10 });
    pool.on('error', () => undefined); // the server goes down in some tests, and idle clients with it
    await pool.query(`CREATE SCHEMA ${pg.escapeIdentifier(schema)}`);
    await pool.query(schemaSql({ schema }));
    await pool.query(`CREATE TABLE ${pg.escapeIdentifier(schema)}.orders (id text)`);
    const store = new PostgresOutboxStore({ pool, schema, listen: () => pool.connect(), ...options });
    const broker = await startTestBroker();
    const config = configFor(broker.url, { tasks: { publish_timeout: '5s' }, service: 'shop' });
    const outbox = await createOutbox({ store, config, env: {} });
    const publisher = await WatchedPublisher.open(config);
    return new OutboxBench({ schema, pool, store, outbox, broker, publisher });
  }

  /** The table's name, quoted. */
  table(name: string): string {
    return `${pg.escapeIdentifier(this.schema)}.${name}`;
  }

  /** Runs `work` in a transaction; rolls back and rejects when it rejects. */
  async transaction<T>(work: (tx: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('BEGIN');
      const value = await work(client);
      await client.query('COMMIT');
      return value;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  /** Writes and commits tasks of these ids. */
  async send(...ids: string[]): Promise<void> {
    await this.transaction(async (tx) => {
      for (const id of ids) await this.outbox.send(tx, 'charge', [id], { id });
    });
  }

  /** Started; stopped with the bench. */
  relay(options: Partial<RelayOptions> = {}): OutboxRelay {
    const relay = new OutboxRelay({ store: this.store, publisher: this.publisher.publisher, ...options });
    this.#relays.push(relay);
    return relay.start();
  }

  async untilPublished(): Promise<void> {
    await waitFor(async () => (await this.store.stats()).pending === 0, { what: 'an empty outbox' });
  }

  /** As if the leases of relays that are gone were over. */
  async endLeases(): Promise<void> {
    await this.pool.query(`UPDATE ${this.table('celeriac_outbox')} SET available_at = now()`);
  }

  /** Ids in a queue, in order. */
  idsIn(queue = 'celeriac'): string[] {
    return this.broker.broker.messages(queue).map(({ properties }) => properties.messageId ?? '');
  }

  async orders(): Promise<string[]> {
    const { rows } = await this.pool.query<{ id: string }>(
      `SELECT id FROM ${this.table('orders')} ORDER BY id`,
    );
    return rows.map(({ id }) => id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.stop({ grace: '1s' })));
    await this.publisher[Symbol.asyncDispose]();
    await this.broker.stop();
    await this.pool.end();
  }
}
