/** Whose fault a failed publish is, and what that means for its row. Pure. */
import { backoffMs, type ErrorCode, errorText, isCeleriacError } from '@celeriac/core';

import type { ClaimedRecord, Ending } from './ports.js';

/**
 * `row`: this message cannot be sent as it is; it counts, and too many set it aside. `queue`: its queue is full, or
 * another message has its key; it waits, and never counts. `broker`: nothing can be sent now.
 */
export type Fault = 'row' | 'queue' | 'broker';

const rowFaults: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_PUBLISH_UNROUTABLE',
  'ERR_PUBLISH_REFUSED',
  'ERR_EXCHANGE_NOT_FOUND',
  'ERR_MESSAGE_TOO_LARGE',
  'ERR_MESSAGE_MALFORMED',
  'ERR_NOT_SERIALIZABLE',
  'ERR_INPUT_INVALID',
  'ERR_TOPOLOGY_MISMATCH',
  'ERR_TOPOLOGY_MISSING',
  'ERR_TOPOLOGY_REFUSED',
]);

const waits: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['ERR_PUBLISH_NACKED', 'ERR_UNIQUE_PENDING']);

export function faultOf(error: unknown): Fault {
  // Not one of ours: a bug, and nobody knows whether the next row meets it too.
  if (!isCeleriacError(error) || rowFaults.has(error.code)) return 'row';
  return waits.has(error.code) ? 'queue' : 'broker';
}

export interface RetryRules {
  /** Failures of its own after which a row is set aside. */
  readonly attempts: number;
  readonly firstMs: number;
  readonly longestMs: number;
}

type Failed = Exclude<Ending, { how: 'published' }>;

/** What becomes of a row whose publish failed. */
export function endingOf(
  { position, attempts }: ClaimedRecord,
  error: unknown,
  { rules, random }: { rules: RetryRules; random: () => number },
): Failed {
  const counted = attempts + (faultOf(error) === 'row' ? 1 : 0);
  const common = { position, attempts: counted, error: errorText(error) };
  if (counted > attempts && counted >= rules.attempts) return { ...common, how: 'set-aside' };
  const { firstMs, longestMs } = rules;
  const failures = Math.max(1, counted);
  return { ...common, how: 'again', afterMs: backoffMs(failures, { firstMs, longestMs, random }) };
}
