/**
 * What was handled already, so that a copied message is not handled once more. The port, and the memory of one process:
 * bounded, and gone with it. Knows nothing of signatures.
 */

/** A place where messages are remembered until their signatures are over. */
export interface ReplayStore {
  /**
   * Notes that a message is being handled. False: it is noted already. `until` is milliseconds since the epoch.
   * A store that outlives its worker has to tell those that were handled to an end from those that were in hand when
   * the worker died: these come again, and not always marked as redelivered.
   */
  note(nonce: string, times: { readonly until: number; readonly now: number }): boolean | Promise<boolean>;
  /** It was not handled to an end: it will come again. */
  forget(nonce: string): void | Promise<void>;
}

export class ReplayMemory implements ReplayStore {
  #until = new Map<string, number>();
  #most: number;
  #onFull: () => void;

  /** `most` messages are remembered; of one more, the oldest is forgotten, and `onFull` told, once. 0 remembers none. */
  constructor(most: number, onFull: () => void = () => undefined) {
    this.#most = most;
    this.#onFull = onFull;
  }

  get size(): number {
    return this.#until.size;
  }

  note(nonce: string, { until, now }: { readonly until: number; readonly now: number }): boolean {
    if (this.#most === 0) return true;
    if ((this.#until.get(nonce) ?? -1) >= now) return false;
    this.#makeRoom(now);
    this.#until.set(nonce, until);
    return true;
  }

  forget(nonce: string): void {
    this.#until.delete(nonce);
  }

  /** The oldest come first: as a rule they are over first. */
  #makeRoom(now: number): void {
    for (const [nonce, until] of this.#until) {
      const isOver = until < now;
      if (!isOver && this.#until.size < this.#most) return;
      this.#until.delete(nonce);
      if (isOver) continue;
      this.#onFull();
      this.#onFull = () => undefined;
    }
  }
}
