/**
 * The inbox in PostgreSQL: a row per handled message, in the transaction of what the handler writes. A second handler
 * of the same message waits for the first one's transaction, and then does nothing or takes over.
 */
import type { InboxKey, InboxStore, StoredOnce, Worked } from '../ports.js';
import { sqlStateOf } from '../store-error.js';
import { qualified } from './names.js';
import {
  mustBeTransaction,
  optional,
  type PgPool,
  type PgQueryable,
  transactionRequired,
} from './queryable.js';
import { defaultInboxTable } from './schema.js';

/** A pool, or what runs a transaction: `(work) => prisma.$transaction(…)`. */
export type PgDatabase = PgPool | PgTransactions;

/** Commits when `work` resolves, rolls back when it rejects. */
export type PgTransactions = <T>(work: (tx: PgQueryable) => Promise<T>) => Promise<T>;

export interface PostgresInboxOptions {
  /** What forgets old keys: a pool. */
  readonly pool?: PgQueryable;
  readonly schema?: string;
  /** Default `celeriac_inbox`. */
  readonly table?: string;
}

const byKey = 'consumer = $1::text AND message_id = $2::text';
const noActiveTransaction = '25P01';

export class PostgresInboxStore implements InboxStore<PgQueryable, PgDatabase> {
  readonly #table: string;
  readonly #pool: PgQueryable | undefined;

  /** Throws ERR_INPUT_INVALID for a name that cannot be one. */
  constructor({ pool, schema, table = defaultInboxTable }: PostgresInboxOptions = {}) {
    this.#table = qualified({ schema, table });
    this.#pool = pool;
  }

  async once<T>(tx: PgQueryable, key: InboxKey, work: () => Promise<Worked<T>>): Promise<StoredOnce<T>> {
    mustBeTransaction(tx);
    await this.#savepoint(tx);
    try {
      const once: StoredOnce<T> = (await this.#insert(tx, key))
        ? await this.#work(tx, key, work)
        : await this.#kept(tx, key);
      // Fails in a transaction that is broken: a COMMIT of it would silently roll back.
      await tx.query('RELEASE SAVEPOINT celeriac_inbox');
      return once;
    } catch (error) {
      // The caller may commit all the same: neither the key nor half of the work may stay.
      await tx.query('ROLLBACK TO SAVEPOINT celeriac_inbox').catch(() => undefined); // the connection is gone: nothing stays
      throw error;
    }
  }

  async transaction<T>(database: PgDatabase, work: (tx: PgQueryable) => Promise<T>): Promise<T> {
    if (typeof database === 'function') return database(work);
    const client = await database.connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      try {
        const value = await work(client);
        await client.query('COMMIT');
        return value;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure: unknown) => (broken = failure as Error));
        throw error;
      }
    } finally {
      client.release(broken);
    }
  }

  async forget({
    olderThanMs,
    limit,
  }: {
    readonly olderThanMs: number;
    readonly limit: number;
  }): Promise<number> {
    if (this.#pool === undefined)
      throw new TypeError('Forgetting needs the option `pool` of the PostgresInboxStore.');
    const { rows } = await this.#pool.query(
      `DELETE FROM ${this.#table} WHERE (consumer, message_id) IN (
        SELECT consumer, message_id FROM ${this.#table}
        WHERE handled_at < now() - $1::float8 * interval '1 millisecond'
        ORDER BY handled_at LIMIT $2::integer FOR UPDATE SKIP LOCKED)
      RETURNING 1`,
      [olderThanMs, limit],
    );
    return rows.length;
  }

  /** False when it is there already. Waits for a transaction that has written it and is not over. */
  async #insert(tx: PgQueryable, { consumer, messageId }: InboxKey): Promise<boolean> {
    const { rows } = await tx.query(
      `INSERT INTO ${this.#table} (consumer, message_id) VALUES ($1::text, $2::text)
      ON CONFLICT DO NOTHING RETURNING 1`,
      [consumer, messageId],
    );
    return rows.length > 0;
  }

  async #work<T>(tx: PgQueryable, key: InboxKey, work: () => Promise<Worked<T>>): Promise<StoredOnce<T>> {
    const { value, kept } = await work();
    if (kept !== undefined) {
      await tx.query(`UPDATE ${this.#table} SET result = $3::text WHERE ${byKey}`, [...values(key), kept]);
    }
    return { first: true, value };
  }

  async #kept(tx: PgQueryable, key: InboxKey): Promise<StoredOnce<never>> {
    const { rows } = await tx.query(`SELECT result FROM ${this.#table} WHERE ${byKey}`, values(key));
    const [row] = rows as readonly { readonly result: unknown }[];
    return { first: false, kept: optional(row?.result, String) };
  }

  async #savepoint(tx: PgQueryable): Promise<void> {
    try {
      await tx.query('SAVEPOINT celeriac_inbox');
    } catch (error) {
      throw sqlStateOf(error) === noActiveTransaction ? transactionRequired(error) : error;
    }
  }
}

function values({ consumer, messageId }: InboxKey): unknown[] {
  return [consumer, messageId];
}
