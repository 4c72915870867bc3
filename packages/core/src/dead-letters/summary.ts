/** What a dead-letter queue holds, in numbers. Pure. */
import type { DeadLetter } from './letter.js';

/** So many dead letters of one task or event, for one reason. */
export interface DeadLetterCount {
  readonly kind: DeadLetter['kind'];
  readonly name?: string;
  readonly reason: string;
  readonly count: number;
}

export interface DeadLetterSummary {
  /** The queue whose dead letters they are. */
  readonly queue: string;
  readonly deadLetterQueue: string;
  /** False: nobody has declared it yet. */
  readonly exists: boolean;
  readonly messages: number;
  /** Of these, the oldest so many were read for the counts. */
  readonly read: number;
  /** When the first of them died, milliseconds since the epoch; absent where none says so. */
  readonly oldest?: number;
  /** The largest first. */
  readonly counts: readonly DeadLetterCount[];
}

export class Tally {
  #counts = new Map<string, { -readonly [Key in keyof DeadLetterCount]: DeadLetterCount[Key] }>();
  read = 0;
  oldest: number | undefined;

  add({ kind, name, reason, time }: DeadLetter): void {
    this.read++;
    if (time !== undefined) this.oldest = Math.min(this.oldest ?? time, time);
    const key = JSON.stringify([kind, name, reason]);
    const known = this.#counts.get(key);
    if (known !== undefined) known.count++;
    else this.#counts.set(key, { kind, ...(name === undefined ? {} : { name }), reason, count: 1 });
  }

  get counts(): readonly DeadLetterCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }
}
