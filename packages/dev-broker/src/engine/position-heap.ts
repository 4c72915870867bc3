/** Entries by position, lowest first: in and out in logarithmic time, in whatever order they come. Bookkeeping only. */
import type { Entry } from './message.js';

export class PositionHeap {
  /** No parent has a higher position than its children, which are at 2i+1 and 2i+2. */
  #entries: Entry[] = [];

  get size(): number {
    return this.#entries.length;
  }

  get first(): Entry | undefined {
    return this.#entries[0];
  }

  push(entry: Entry): void {
    let index = this.#entries.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#at(parent).position < entry.position) break;
      this.#entries[index] = this.#at(parent);
      index = parent;
    }
    this.#entries[index] = entry;
  }

  shift(): Entry | undefined {
    const first = this.first;
    const last = this.#entries.pop();
    if (last !== undefined && this.#entries.length > 0) this.#sink(last);
    return first;
  }

  /** All of them, lowest first. */
  sorted(): Entry[] {
    return this.#entries.toSorted((a, b) => a.position - b.position);
  }

  /** From the top to where it belongs. */
  #sink(entry: Entry): void {
    const { length } = this.#entries;
    let index = 0;
    for (let child = 1; child < length; child = 2 * index + 1) {
      const other = child + 1;
      const lower = other < length && this.#at(other).position < this.#at(child).position ? other : child;
      if (this.#at(lower).position > entry.position) break;
      this.#entries[index] = this.#at(lower);
      index = lower;
    }
    this.#entries[index] = entry;
  }

  #at(index: number): Entry {
    return this.#entries[index] as Entry;
  }
}
