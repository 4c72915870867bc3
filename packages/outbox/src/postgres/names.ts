/** Names in SQL: quoted, whatever is in them. Pure. */
import { createHash } from 'node:crypto';

import { CeleriacError } from '@celeriac/core';

export interface TableName {
  /** Default: the first of the connection's `search_path`. */
  readonly schema?: string | undefined;
  readonly table: string;
}

/** PostgreSQL cuts longer names without a word. */
const longestBytes = 63;

/** A quoted identifier. Throws ERR_INPUT_INVALID for what cannot be one. */
export function identifier(name: string): string {
  if (name === '' || name.includes('\0') || Buffer.byteLength(name) > longestBytes) {
    throw new CeleriacError('ERR_INPUT_INVALID', {
      message: `${JSON.stringify(name)} cannot be a name in PostgreSQL.`,
      hint: `Use 1 to ${longestBytes} bytes.`,
      values: { name },
    });
  }
  return `"${name.replaceAll('"', '""')}"`;
}

export function qualified({ schema, table }: TableName): string {
  return schema === undefined ? identifier(table) : `${identifier(schema)}.${identifier(table)}`;
}

/** A name made from a table's, short enough whatever the table's length. */
export function derived(table: string, suffix: string): string {
  const name = `${table}_${suffix}`;
  return Buffer.byteLength(name) <= longestBytes ? name : `celeriac_${digest(table)}_${suffix}`;
}

/** Where writes to this table are announced. */
export function channelOf({ schema, table }: TableName): string {
  const name = `${schema ?? ''}.${table}`;
  return Buffer.byteLength(name) <= longestBytes ? name : `celeriac.${digest(name)}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
