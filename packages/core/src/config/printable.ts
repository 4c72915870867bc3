/**
 * The configuration for people to read. Loads nothing, and never shows a password.
 */
import { redactValue } from '../redact.js';
import type { Config } from './types.js';

/** As it is written in a file: JSON has no word for what has no end. */
function written(_key: string, value: unknown): unknown {
  return value === Infinity ? 'unlimited' : value;
}

/** A plain copy for people and for logs, with passwords masked. Its shape is that of `Config`. */
export function printableConfig(config: Config): Record<string, unknown> {
  // Through JSON: connection strings write themselves redacted there.
  return redactValue(JSON.parse(JSON.stringify(config, written))) as Record<string, unknown>;
}
