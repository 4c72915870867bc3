/**
 * What is used of a PostgreSQL driver: node-postgres' own shapes, so that its clients and pools fit as they are, and
 * the raw queries of object mappers with a line of glue. Types, and what reads their rows.
 */
import { CeleriacError } from '@celeriac/core';

/** Runs one statement with `$1` parameters: a client, a pool, or the raw query of a mapper's transaction. */
export interface PgQueryable {
  query(text: string, values?: unknown[]): Promise<PgResult>;
}

export interface PgResult {
  readonly rows: readonly unknown[];
  readonly rowCount?: number | null;
}

/** A client taken from a pool. */
export interface PgPoolClient extends PgQueryable {
  release(error?: boolean | Error): void;
}

export interface PgPool extends PgQueryable {
  connect(): Promise<PgPoolClient>;
}

/** A connection that hears notifications: a client of node-postgres, its own or from a pool. */
export interface PgListener extends PgQueryable {
  on(event: 'notification', listener: (message: { readonly channel: string }) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  release?(error?: boolean | Error): void;
  end?(): Promise<void>;
}

/** Throws ERR_TRANSACTION_REQUIRED for a pool: it would write beside the transaction, not in it. */
export function mustBeTransaction(tx: PgQueryable): void {
  if ('totalCount' in tx && 'idleCount' in tx) throw transactionRequired();
}

export function transactionRequired(cause?: unknown): CeleriacError {
  return new CeleriacError('ERR_TRANSACTION_REQUIRED', {
    message: 'This has to happen inside a database transaction, and there is none.',
    hint: 'Take a client from the pool, BEGIN, and pass that client.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** bytea, as drivers give it: bytes, or PostgreSQL's own text. */
export function bytes(value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (typeof value === 'string' && value.startsWith('\\x')) return Buffer.from(value.slice(2), 'hex');
  throw new TypeError(`bytea came as ${typeof value}`);
}

/** Numbers, as drivers give them: bigint and numeric come as text. */
export function number(value: unknown): number {
  return Number(value);
}

/** Absent where it is null. */
export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === null || value === undefined ? undefined : read(value);
}
