/** The inbox in memory, for tests. Behaves as the one in a database does, but for outliving the process. */
import { type Clock, systemClock } from '@celeriac/core';

import type { InboxKey, InboxStore, StoredOnce, Worked } from '../ports.js';
import type { MemoryDatabase, MemoryTransaction } from './database.js';

interface Entry {
  readonly handledAt: number;
  kept: string | undefined;
  /** The transaction that has written it, while that is not over. */
  tx: MemoryTransaction | undefined;
}

export class MemoryInboxStore implements InboxStore<MemoryTransaction, MemoryDatabase> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor({ clock = systemClock }: { readonly clock?: Clock } = {}) {
    this.#clock = clock;
  }

  async once<T>(
    tx: MemoryTransaction,
    key: InboxKey,
    work: () => Promise<Worked<T>>,
  ): Promise<StoredOnce<T>> {
    const name = JSON.stringify([key.consumer, key.messageId]);
    for (let known = this.#entries.get(name); known !== undefined; known = this.#entries.get(name)) {
      if (known.tx === undefined || known.tx === tx) return { first: false, kept: known.kept };
      await known.tx.over;
    }
    const undo = tx.savepoint();
    const entry: Entry = { handledAt: this.#clock.now(), kept: undefined, tx };
    this.#entries.set(name, entry);
    tx.onEnd((how) => {
      entry.tx = undefined;
      if (how === 'rolled-back') this.#entries.delete(name);
    });
    try {
      const { value, kept } = await work();
      entry.kept = kept;
      return { first: true, value };
    } catch (error) {
      undo();
      throw error;
    }
  }

  transaction<T>(database: MemoryDatabase, work: (tx: MemoryTransaction) => Promise<T>): Promise<T> {
    return database.transaction(work);
  }

  forget({ olderThanMs, limit }: { readonly olderThanMs: number; readonly limit: number }): Promise<number> {
    const before = this.#clock.now() - olderThanMs;
    const old = [...this.#entries].filter(([, { tx, handledAt }]) => tx === undefined && handledAt < before);
    for (const [name] of old.slice(0, limit)) this.#entries.delete(name);
    return Promise.resolve(Math.min(limit, old.length));
  }
}
