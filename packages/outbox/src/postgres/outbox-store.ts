/**
 * The outbox in PostgreSQL 11 and later. Every call is one statement: claiming is an update under SKIP LOCKED that
 * leaves a lease behind, so that no transaction and no connection stays open while messages are published. All times
 * are the database's.
 */
import type {
  Claim,
  ClaimedRecord,
  Ending,
  OutboxRecord,
  OutboxStats,
  OutboxStore,
  SetAsideRecord,
  Waker,
} from '../ports.js';
import { listenTo } from './listener.js';
import { channelOf, qualified } from './names.js';
import {
  bytes,
  mustBeTransaction,
  number,
  optional,
  type PgListener,
  type PgQueryable,
} from './queryable.js';
import { defaultOutboxTable } from './schema.js';

export interface PostgresOutboxOptions {
  /** What relays ask: a pool. Writing uses the transactions it is given, and needs none. */
  readonly pool?: PgQueryable;
  readonly schema?: string;
  /** Default `celeriac_outbox`. */
  readonly table?: string;
  /** Opens the connection on which relays hear of writes: `() => pool.connect()`. Default: relays poll. */
  readonly listen?: () => Promise<PgListener>;
  /**
   * False: writes are not announced, and relays poll. PostgreSQL commits transactions that notify one after the other,
   * which tells at many thousand a second. Default true.
   */
  readonly notify?: boolean;
}

type Row = Readonly<Record<string, unknown>>;

/** Characters. */
const longestError = 2000;
/** Rows per statement; PostgreSQL takes 65535 parameters. */
const rowsPerInsert = 1000;
const columns = [
  ['message_id', 'text'],
  ['kind', 'text'],
  ['name', 'text'],
  ['queue', 'text'],
  ['order_key', 'text'],
  ['eta', 'timestamptz'],
  ['expires', 'timestamptz'],
  ['mandatory', 'boolean'],
  ['properties', 'bytea'],
  ['body', 'bytea'],
] as const;

export class PostgresOutboxStore implements OutboxStore<PgQueryable> {
  readonly listen?: (waker: Waker) => Promise<() => Promise<void>>;
  readonly #table: string;
  readonly #channel: string;
  readonly #options: PostgresOutboxOptions;

  /** Throws ERR_INPUT_INVALID for a name that cannot be one. */
  constructor(options: PostgresOutboxOptions = {}) {
    const { schema, table = defaultOutboxTable, listen } = options;
    this.#options = options;
    this.#table = qualified({ schema, table });
    this.#channel = channelOf({ schema, table });
    if (listen !== undefined) this.listen = (waker) => listenTo(this.#channel, { open: listen, waker });
  }

  async write(tx: PgQueryable, records: readonly OutboxRecord[]): Promise<void> {
    mustBeTransaction(tx);
    for (let from = 0; from < records.length; from += rowsPerInsert) {
      const some = records.slice(from, from + rowsPerInsert);
      await tx.query(this.#insert(some.length), some.flatMap(values));
    }
    if (records.length > 0 && this.#options.notify !== false)
      await tx.query("SELECT pg_notify($1::text, '')::text", [this.#channel]);
  }

  async claim({ owner, limit, limitBytes, leaseMs }: Claim): Promise<readonly ClaimedRecord[]> {
    const { rows } = await this.#pool.query(claimSql(this.#table), [limit, limitBytes, owner, leaseMs]);
    return (rows as readonly Row[]).map(claimed).sort(byPosition);
  }

  async settle(owner: string, endings: readonly Ending[]): Promise<void> {
    const published = endings.filter(({ how }) => how === 'published').map(({ position }) => position);
    const failed = endings.filter((one) => one.how !== 'published');
    if (published.length > 0) {
      await this.#pool.query(`DELETE FROM ${this.#table} WHERE position = ANY ($1::bigint[])`, [published]);
    }
    if (failed.length > 0) {
      const list = failed.map((one) => ({
        ...one,
        ...(one.error === undefined ? {} : { error: storable(one.error) }),
        after: one.how === 'again' ? one.afterMs : 0,
      }));
      await this.#pool.query(failSql(this.#table), [owner, JSON.stringify(list)]);
    }
  }

  async stats(): Promise<OutboxStats> {
    const { rows } = await this.#pool.query(
      `SELECT count(*) FILTER (WHERE pending) AS pending,
        count(*) FILTER (WHERE NOT pending) AS set_aside,
        ${milliseconds('now() - min(written_at) FILTER (WHERE pending)')} AS oldest_ms
      FROM ${this.#table}`,
    );
    const { pending, set_aside, oldest_ms } = rows[0] as Row;
    return {
      pending: number(pending),
      setAside: number(set_aside),
      oldestMs: Math.max(0, optional(oldest_ms, number) ?? 0),
    };
  }

  async setAside({ limit }: { readonly limit: number }): Promise<readonly SetAsideRecord[]> {
    const { rows } = await this.#pool.query(
      `SELECT position::text AS position, message_id, kind, name, attempts, last_error,
        ${epoch('set_aside_at')} AS at_ms
      FROM ${this.#table} WHERE NOT pending ORDER BY position LIMIT $1`,
      [limit],
    );
    return (rows as readonly Row[]).map((row) => ({
      position: String(row.position),
      messageId: String(row.message_id),
      kind: row.kind as SetAsideRecord['kind'],
      name: String(row.name),
      attempts: number(row.attempts),
      error: String(row.last_error),
      at: new Date(number(row.at_ms)),
    }));
  }

  async bringBack(positions?: readonly string[]): Promise<number> {
    const { rows } = await this.#pool.query(
      `UPDATE ${this.#table} SET pending = true, set_aside_at = NULL, attempts = 0, available_at = now()
      WHERE NOT pending AND ($1::bigint[] IS NULL OR position = ANY ($1::bigint[]))
      RETURNING position`,
      [positions ?? null],
    );
    return rows.length;
  }

  get #pool(): PgQueryable {
    const { pool } = this.#options;
    if (pool === undefined)
      throw new TypeError('A relay needs the option `pool` of the PostgresOutboxStore.');
    return pool;
  }

  #insert(count: number): string {
    const names = columns.map(([name]) => name).join(', ');
    const rows = Array.from({ length: count }, (_, row) => {
      const places = columns.map(([, type], at) => `$${row * columns.length + at + 1}::${type}`);
      return `(${places.join(', ')})`;
    });
    return `INSERT INTO ${this.#table} (${names}) VALUES ${rows.join(', ')}`;
  }
}

function values(record: OutboxRecord): unknown[] {
  const { messageId, kind, name, queue, orderKey, eta, expires, mandatory, properties, body } = record;
  return [
    messageId,
    kind,
    name,
    queue ?? null,
    orderKey ?? null,
    moment(eta),
    moment(expires),
    mandatory,
    properties,
    body,
  ];
}

/** Errors quote what anybody wrote. PostgreSQL takes neither NUL nor half a character: the update would fail for ever. */
function storable(error: string): string {
  const text = error.length <= longestError ? error : `${error.slice(0, longestError)}…`;
  return Buffer.from(text.replaceAll('\0', '\uFFFD'), 'utf8').toString('utf8');
}

function moment(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

/**
 * Locks more than it takes when bodies are large; the locks are gone with the statement. The first condition on order
 * keys passes by keys whose first row waits. The second is what keeps their order: an earlier row that another relay is
 * just taking is skipped by its lock, and not among the due. Each looks at an index only, as claims have to stay cheap
 * when many rows of one key are there.
 */
function claimSql(table: string): string {
  return `WITH due AS (
    SELECT position, order_key, octet_length(body) AS size FROM ${table} AS one
    WHERE pending AND available_at <= now()
      AND (order_key IS NULL OR (
        SELECT first.available_at FROM ${table} AS first
        WHERE first.order_key = one.order_key AND first.pending
        ORDER BY first.position LIMIT 1) <= now())
    ORDER BY position LIMIT $1::integer
    FOR UPDATE SKIP LOCKED
  ), chosen AS (
    SELECT position, sum(size) OVER (ORDER BY position) - size AS before FROM due
    WHERE order_key IS NULL OR NOT EXISTS (
      SELECT 1 FROM ${table} AS earlier
      WHERE earlier.order_key = due.order_key AND earlier.position < due.position
        AND earlier.pending AND earlier.position NOT IN (SELECT position FROM due))
  )
  UPDATE ${table} AS row SET claimed_by = $3::text, available_at = now() + ${span('$4::float8')}
  FROM chosen WHERE row.position = chosen.position AND chosen.before < $2::bigint
  RETURNING row.position::text AS position, row.message_id, row.kind, row.name, row.queue, row.order_key,
    ${epoch('row.eta')} AS eta, ${epoch('row.expires')} AS expires, row.mandatory, row.properties, row.body,
    row.attempts, ${milliseconds('now() - row.written_at')} AS age_ms`;
}

function failSql(table: string): string {
  return `UPDATE ${table} AS row SET claimed_by = NULL, attempts = ended.attempts, last_error = coalesce(ended.error, row.last_error),
    available_at = now() + ${span('ended.after')},
    pending = ended.how <> 'set-aside',
    set_aside_at = CASE ended.how WHEN 'set-aside' THEN now() END
  FROM json_to_recordset($2::json)
    AS ended(position bigint, how text, attempts integer, error text, after float8)
  WHERE row.position = ended.position AND row.claimed_by = $1::text`;
}

function span(ms: string): string {
  return `${ms} * interval '1 millisecond'`;
}

function epoch(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::float8`;
}

function milliseconds(interval: string): string {
  return `(extract(epoch FROM ${interval}) * 1000)::float8`;
}

function claimed(row: Row): ClaimedRecord {
  return {
    position: String(row.position),
    messageId: String(row.message_id),
    kind: row.kind as ClaimedRecord['kind'],
    name: String(row.name),
    queue: optional(row.queue, String),
    orderKey: optional(row.order_key, String),
    eta: optional(row.eta, number),
    expires: optional(row.expires, number),
    mandatory: row.mandatory === true,
    properties: bytes(row.properties),
    body: bytes(row.body),
    attempts: number(row.attempts),
    ageMs: Math.max(0, number(row.age_ms)),
  };
}

function byPosition(one: ClaimedRecord, other: ClaimedRecord): number {
  return BigInt(one.position) < BigInt(other.position) ? -1 : 1;
}
