/** The outbox in memory, for tests. Behaves as the one in a database does, but for outliving the process. */
import { type Clock, systemClock } from '@celeriac/core';

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
import type { MemoryTransaction } from './database.js';

interface Row extends OutboxRecord {
  readonly position: number;
  readonly writtenAt: number;
  availableAt: number;
  claimedBy: string | undefined;
  attempts: number;
  error: string;
  setAsideAt: number | undefined;
}

export class MemoryOutboxStore implements OutboxStore<MemoryTransaction> {
  readonly #clock: Clock;
  readonly #wakers = new Set<Waker>();
  #rows: Row[] = [];
  #next = 1;

  constructor({ clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#clock = clock;
  }

  write(tx: MemoryTransaction, records: readonly OutboxRecord[]): Promise<void> {
    const now = this.#clock.now();
    const rows = records.map((record): Row => ({
      ...record,
      position: this.#next++,
      writtenAt: now,
      availableAt: now,
      claimedBy: undefined,
      attempts: 0,
      error: '',
      setAsideAt: undefined,
    }));
    tx.onEnd((how) => {
      if (how === 'rolled-back') return;
      this.#rows = [...this.#rows, ...rows].sort((a, b) => a.position - b.position);
      for (const { wake } of this.#wakers) wake();
    });
    return Promise.resolve();
  }

  claim({ owner, limit, limitBytes, leaseMs }: Claim): Promise<readonly ClaimedRecord[]> {
    const now = this.#clock.now();
    const waiting = new Set<string>();
    const taken: Row[] = [];
    let bytes = 0;
    for (const row of this.#rows) {
      if (taken.length >= limit || bytes >= limitBytes) break;
      const isBehind = row.orderKey !== undefined && waiting.has(row.orderKey);
      if (row.setAsideAt !== undefined || isBehind) continue;
      if (row.availableAt > now) {
        if (row.orderKey !== undefined) waiting.add(row.orderKey);
        continue;
      }
      bytes += row.body.length;
      row.claimedBy = owner;
      row.availableAt = now + leaseMs;
      taken.push(row);
    }
    return Promise.resolve(
      taken.map((row) => ({ ...row, position: String(row.position), ageMs: now - row.writtenAt })),
    );
  }

  settle(owner: string, endings: readonly Ending[]): Promise<void> {
    const published = new Set(endings.filter(({ how }) => how === 'published').map((one) => one.position));
    this.#rows = this.#rows.filter(({ position }) => !published.has(String(position)));
    for (const ending of endings) {
      if (ending.how === 'published') continue;
      const row = this.#rows.find(({ position }) => String(position) === ending.position);
      if (row?.claimedBy !== owner) continue;
      row.claimedBy = undefined;
      row.attempts = ending.attempts;
      row.error = ending.error ?? row.error;
      row.availableAt = this.#clock.now() + (ending.how === 'again' ? ending.afterMs : 0);
      if (ending.how === 'set-aside') row.setAsideAt = this.#clock.now();
    }
    return Promise.resolve();
  }

  stats(): Promise<OutboxStats> {
    const pending = this.#rows.filter(({ setAsideAt }) => setAsideAt === undefined);
    const oldest = Math.min(...pending.map(({ writtenAt }) => writtenAt));
    return Promise.resolve({
      pending: pending.length,
      oldestMs: pending.length === 0 ? 0 : this.#clock.now() - oldest,
      setAside: this.#rows.length - pending.length,
    });
  }

  setAside({ limit }: { readonly limit: number }): Promise<readonly SetAsideRecord[]> {
    const aside = this.#rows.flatMap(({ position, messageId, kind, name, attempts, error, setAsideAt }) =>
      setAsideAt === undefined
        ? []
        : [{ position: String(position), messageId, kind, name, attempts, error, at: new Date(setAsideAt) }],
    );
    return Promise.resolve(aside.slice(0, limit));
  }

  bringBack(positions?: readonly string[]): Promise<number> {
    let count = 0;
    for (const row of this.#rows) {
      const isWanted = positions === undefined || positions.includes(String(row.position));
      if (row.setAsideAt === undefined || !isWanted) continue;
      Object.assign(row, { setAsideAt: undefined, attempts: 0, availableAt: this.#clock.now() });
      count++;
    }
    return Promise.resolve(count);
  }

  listen(waker: Waker): Promise<() => Promise<void>> {
    this.#wakers.add(waker);
    return Promise.resolve(() => {
      this.#wakers.delete(waker);
      return Promise.resolve();
    });
  }
}
