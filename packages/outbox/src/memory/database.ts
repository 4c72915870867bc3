/**
 * A database in memory, for tests: transactions whose writes are seen when they commit. Keeps nothing beyond the
 * process, and isolates no more than the outbox and the inbox need.
 */
export class MemoryDatabase {
  /** Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. */
  async transaction<T>(work: (tx: MemoryTransaction) => Promise<T> | T): Promise<T> {
    const tx = new MemoryTransaction();
    try {
      const value = await work(tx);
      tx.end('committed');
      return value;
    } catch (error) {
      tx.end('rolled-back');
      throw error;
    }
  }
}

export type MemoryEnding = 'committed' | 'rolled-back';

export class MemoryTransaction {
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  #onEnd: ((how: MemoryEnding) => void)[] = [];
  #resolve: () => void = () => undefined;

  constructor() {
    this.over = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Calls back when it ends. Returns a function that takes the callback out again. */
  onEnd(callback: (how: MemoryEnding) => void): () => void {
    this.#onEnd.push(callback);
    return () => void (this.#onEnd = this.#onEnd.filter((one) => one !== callback));
  }

  /** Effects of what was done since, to be undone alone. */
  savepoint(): () => void {
    const kept = [...this.#onEnd];
    return () => {
      const dropped = this.#onEnd.filter((one) => !kept.includes(one));
      this.#onEnd = kept;
      for (const callback of dropped) callback('rolled-back');
    };
  }

  /** Ends it; callbacks in the order they were added. */
  end(how: MemoryEnding): void {
    for (const callback of this.#onEnd.splice(0)) callback(how);
    this.#resolve();
  }
}
