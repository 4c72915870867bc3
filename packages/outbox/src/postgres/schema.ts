/** The tables, as SQL for a migration. Runs nothing. */
import { derived, identifier, qualified } from './names.js';

export interface SchemaOptions {
  /** It has to exist. Default: the first of the connection's `search_path`. */
  readonly schema?: string;
  /** The outbox's table; false for none. Default `celeriac_outbox`. */
  readonly outbox?: string | false;
  /** The inbox's table; false for none. Default `celeriac_inbox`. */
  readonly inbox?: string | false;
}

export const defaultOutboxTable = 'celeriac_outbox';
export const defaultInboxTable = 'celeriac_inbox';

/** `CREATE TABLE IF NOT EXISTS …`: several statements, which may run again. Throws ERR_INPUT_INVALID for a bad name. */
export function schemaSql(options: SchemaOptions = {}): string {
  const { schema, outbox = defaultOutboxTable, inbox = defaultInboxTable } = options;
  return [
    ...(outbox === false ? [] : [outboxSql(schema, outbox)]),
    ...(inbox === false ? [] : [inboxSql(schema, inbox)]),
  ].join('\n');
}

/** `pending` and not `set_aside_at IS NULL`: a table that was never analysed is taken to hold few nulls, and sorted whole. */
function outboxSql(schema: string | undefined, table: string): string {
  const name = qualified({ schema, table });
  return `CREATE TABLE IF NOT EXISTS ${name} (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  message_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('task', 'event')),
  name text NOT NULL,
  queue text,
  order_key text,
  eta timestamptz,
  expires timestamptz,
  mandatory boolean NOT NULL,
  properties bytea NOT NULL,
  body bytea NOT NULL,
  written_at timestamptz NOT NULL DEFAULT now(),
  available_at timestamptz NOT NULL DEFAULT now(),
  claimed_by text,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  pending boolean NOT NULL DEFAULT true,
  set_aside_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX IF NOT EXISTS ${identifier(derived(table, 'pending'))}
  ON ${name} (position) WHERE pending;
CREATE INDEX IF NOT EXISTS ${identifier(derived(table, 'order_key'))}
  ON ${name} (order_key, position) WHERE order_key IS NOT NULL AND pending;
`;
}

function inboxSql(schema: string | undefined, table: string): string {
  const name = qualified({ schema, table });
  return `CREATE TABLE IF NOT EXISTS ${name} (
  consumer text NOT NULL,
  message_id text NOT NULL,
  handled_at timestamptz NOT NULL DEFAULT now(),
  result text,
  PRIMARY KEY (consumer, message_id)
);
CREATE INDEX IF NOT EXISTS ${identifier(derived(table, 'handled_at'))}
  ON ${name} (handled_at);
`;
}
