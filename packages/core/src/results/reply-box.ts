/**
 * Replies that came and those that are awaited, of one publisher. What nobody reads is dropped: when it expires, and
 * before that when there is too much of it, the oldest first. Knows no broker.
 */
import type { Clock, Timer } from '../clock.js';
import { CeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import { isReady, type ResultRecord } from '../protocol/result.js';

export interface ReplyBoxOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a reply, or its absence, is kept, milliseconds; 0: until there are too many. */
  readonly expiresMs: number;
  /** Tasks that nobody waits for at the moment. Default 100,000. */
  readonly maxEntries?: number;
  /** Bytes of replies that nobody has read. Default 64 MiB. */
  readonly maxBytes?: number;
}

interface Waiter {
  readonly resolve: (record: ResultRecord) => void;
  readonly reject: (error: unknown) => void;
}

interface Entry {
  /** Wall clock. */
  expiresAt: number;
  record: ResultRecord | undefined;
  bytes: number;
  readonly waiters: Set<Waiter>;
}

const sweepMs = 30_000;

export class ReplyBox {
  #options: ReplyBoxOptions;
  #entries = new Map<string, Entry>();
  #bytes = 0;
  #timer: Timer | undefined;
  #hasWarned = false;

  constructor(options: ReplyBoxOptions) {
    this.#options = options;
  }

  /** Tasks whose reply is awaited or unread. */
  get size(): number {
    return this.#entries.size;
  }

  expect(id: string, due?: number): void {
    if (this.#entries.has(id)) return; // sent again under the same id
    const expiresAt = this.#expiry(due);
    this.#entries.set(id, { expiresAt, record: undefined, bytes: 0, waiters: new Set() });
    this.#makeRoom();
    this.#sweepLater();
  }

  withdraw(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined && entry.waiters.size === 0) this.#drop(id, entry);
  }

  /** A reply came. One that nobody expects is dropped. A SUCCESS stays whatever comes after it. */
  arrived(record: ResultRecord, bytes: number): void {
    const { id } = record;
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.record?.status === 'SUCCESS') return;
    this.#bytes += bytes - entry.bytes;
    entry.record = record;
    entry.bytes = bytes;
    entry.expiresAt = this.#expiry();
    if (!isReady(record.status)) return;
    if (entry.waiters.size === 0) {
      this.#makeRoom();
      return;
    }
    this.#drop(id, entry);
    for (const { resolve } of entry.waiters) resolve(record);
  }

  /** The last state; it stays until `take` reads it. Throws ERR_RESULT_UNKNOWN. */
  read(id: string): ResultRecord | undefined {
    return this.#entry(id).record;
  }

  /** Resolves with the final state, which is gone from here then. Rejects with the signal's reason. */
  take(id: string, signal: AbortSignal): Promise<ResultRecord> {
    return new Promise((resolve, reject) => {
      const entry = this.#entry(id);
      signal.throwIfAborted();
      const { record } = entry;
      if (record !== undefined && isReady(record.status)) {
        this.#drop(id, entry);
        resolve(record);
        return;
      }
      const finish = (settle: () => void): void => {
        entry.waiters.delete(waiter);
        signal.removeEventListener('abort', aborted);
        settle();
      };
      const waiter: Waiter = {
        resolve: (final) => finish(() => resolve(final)),
        reject: (error) => finish(() => reject(error)),
      };
      const aborted = (): void => waiter.reject(signal.reason);
      entry.waiters.add(waiter);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }

  /** Everyone who waits is told; nothing is kept. */
  fail(error: unknown): void {
    const waiters = [...this.#entries.values()].flatMap((entry) => [...entry.waiters]);
    this.#entries.clear();
    this.#bytes = 0;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const waiter of waiters) waiter.reject(error);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw unknownResult(id);
    return entry;
  }

  #drop(id: string, entry: Entry): void {
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
  }

  #expiry(due = 0): number {
    const { clock, expiresMs } = this.#options;
    return expiresMs === 0 ? Infinity : Math.max(due, clock.now()) + expiresMs;
  }

  /** Whoever waits keeps what he waits for: it is his promise that holds the memory. */
  #makeRoom(): void {
    const { maxEntries = 100_000, maxBytes = 64 * 1024 * 1024, logger } = this.#options;
    if (this.#entries.size <= maxEntries && this.#bytes <= maxBytes) return;
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      logger.warn('results that nobody reads are dropped, the oldest first', {
        kept: this.#entries.size,
        bytes: this.#bytes,
        hint: 'read them, or send with ignoreResult: true',
      });
    }
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size <= maxEntries * 0.9 && this.#bytes <= maxBytes * 0.9) return;
      if (entry.waiters.size === 0) this.#drop(id, entry);
    }
  }

  #sweepLater(): void {
    const { clock, expiresMs } = this.#options;
    if (expiresMs === 0 || this.#timer !== undefined) return;
    this.#timer = clock.after(Math.min(expiresMs, sweepMs), () => this.#sweep(), { ref: false });
  }

  #sweep(): void {
    this.#timer = undefined;
    const now = this.#options.clock.now();
    for (const [id, entry] of this.#entries) {
      if (entry.waiters.size === 0 && entry.expiresAt <= now) this.#drop(id, entry);
    }
    if (this.#entries.size > 0) this.#sweepLater();
  }
}

function unknownResult(id: string): CeleriacError {
  return new CeleriacError('ERR_RESULT_UNKNOWN', {
    message: `Nothing is known here of a result of ${id}.`,
    hint: 'With rpc:// only the publisher that sent the task can read its result, once, and before it expires; redis:// keeps results for everyone.',
    values: { id },
  });
}
