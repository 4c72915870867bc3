/**
 * The configuration for people to read. Loads nothing, and never shows a password.
 */
import { redactValue } from '../redact.js';
import type { Config } from './types.js';

/** A plain copy for people and for logs, with passwords masked. Its shape is that of `Config`. */
export function printableConfig(config: Config): Record<string, unknown> {
  // Through JSON: connection strings write themselves redacted there.
  return redactValue(JSON.parse(JSON.stringify(config))) as Record<string, unknown>;
}
