/** How many of a key run at once. In memory here: for one worker. Decides nothing about those that find no seat. */

/** A port: in memory, or in Redis for all workers. */
export interface Seats {
  /** Undefined: all are taken. Else gives the seat back. May reject: the store does not answer. */
  take(key: string, max: number): GiveBack | undefined | Promise<GiveBack | undefined>;
}

export type GiveBack = () => void;

/** Holds no more keys than tasks run. */
export class MemorySeats implements Seats {
  #taken = new Map<string, number>();

  take(key: string, max: number): GiveBack | undefined {
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= max) return undefined;
    this.#taken.set(key, taken + 1);
    return () => this.#giveBack(key);
  }

  #giveBack(key: string): void {
    const left = (this.#taken.get(key) ?? 0) - 1;
    if (left > 0) this.#taken.set(key, left);
    else this.#taken.delete(key);
  }
}
