/** What a relay is told, what it tells, and its defaults. */
import {
  type CeleriacError,
  type Clock,
  type Duration,
  type Logger,
  parseDuration,
  type PreparedSender,
} from '@celeriac/core';

import type { RetryRules } from './failure.js';
import type { OutboxStore } from './ports.js';

export interface RelayOptions {
  readonly store: OutboxStore<never>;
  /** A publisher of `@celeriac/publisher`. It stays the caller's to close, after the relay is stopped. */
  readonly publisher: PreparedSender;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Rows on their way at a time. Default 100. */
  readonly batchSize?: number;
  /** Body bytes taken at a time. Default 16 MiB; not more than the publisher's `tasks.max_unsettled_bytes`. */
  readonly batchBytes?: number;
  /** How often the database is asked, beside its notifications. Default 1 s. */
  readonly poll?: Duration;
  /** How long a publish may take. Default 30 s. */
  readonly publishTimeout?: Duration;
  /** How long the database may take. Default 30 s. */
  readonly storeTimeout?: Duration;
  /** How rows are tried again that fail by themselves. */
  readonly retry?: RelayRetryOptions;
}

export interface RelayRetryOptions {
  /** After so many failures a row is set aside. Default 12, which with the pauses below takes about 20 minutes. */
  readonly attempts?: number;
  /** Pause after the first failure; it doubles. Default 1 s. */
  readonly first?: Duration;
  /** Longest pause. Default 5 min. */
  readonly longest?: Duration;
}

export interface Relayed {
  readonly id: string;
  readonly kind: 'task' | 'event';
  readonly name: string;
  /** From writing the row until its confirm, milliseconds. */
  readonly ageMs: number;
}

export interface RelayFailure extends Relayed {
  readonly error: unknown;
  /** Failures so far that were the row's own. */
  readonly attempts: number;
}

export interface RelayEvents {
  /** Confirmed by the broker. */
  published: [relayed: Relayed];
  /** It will be tried again, after so long. */
  failed: [failure: RelayFailure & { readonly retryInMs: number }];
  /** It failed too often, and is kept for someone to look at. */
  'set-aside': [failure: RelayFailure];
  /** The broker or the database cannot be used; it is tried again after so long. */
  paused: [error: CeleriacError, retryInMs: number];
  /** It can again. */
  resumed: [];
}

export interface RelayStopOptions {
  /** How long to wait for confirms that are outstanding. Default 10 s. */
  readonly grace?: Duration;
}

export interface RelayStopReport {
  /** Rows whose publish was under way; another relay takes them when their lease is over, under the same id. */
  readonly unfinished: number;
}

/** The options in milliseconds. */
export interface RelaySettings {
  readonly batchSize: number;
  readonly batchBytes: number;
  readonly pollMs: number;
  readonly publishTimeoutMs: number;
  readonly storeTimeoutMs: number;
  readonly leaseMs: number;
  readonly rules: RetryRules;
}

/** Beyond the publish deadline at least: for taking the rows, and for telling the database what became of them. */
const leaseMarginMs = 30_000;

/** Throws ERR_INPUT_INVALID for a duration that is none. */
export function relaySettings(options: RelayOptions): RelaySettings {
  const { batchSize = 100, batchBytes = 16 * 1024 * 1024, retry = {} } = options;
  const publishTimeoutMs = milliseconds(options.publishTimeout ?? '30s');
  const storeTimeoutMs = milliseconds(options.storeTimeout ?? '30s');
  return {
    batchSize: Math.max(1, batchSize),
    batchBytes,
    pollMs: milliseconds(options.poll ?? '1s'),
    publishTimeoutMs,
    storeTimeoutMs,
    leaseMs: publishTimeoutMs + Math.max(leaseMarginMs, storeTimeoutMs),
    rules: {
      attempts: Math.max(1, retry.attempts ?? 12),
      firstMs: milliseconds(retry.first ?? '1s'),
      longestMs: milliseconds(retry.longest ?? '5m'),
    },
  };
}

export function milliseconds(duration: Duration): number {
  return parseDuration(duration) * 1000;
}
