/**
 * The messages of a queue that wait, by priority and position. Taking from the front is constant time; what is
 * returned is put back where it was. Bookkeeping only.
 */
import type { Entry } from './message.js';

/** One priority: an array with a moving head, because shifting a long array costs more than it holds. */
class Lane {
  #entries: (Entry | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get first(): Entry | undefined {
    return this.#entries[this.#head];
  }

  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#entries[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  /** Back to its position, which is nearly always in front. */
  putBack(entry: Entry): void {
    let index = this.#head;
    while (index < this.#entries.length && (this.#entries[index]?.position ?? 0) < entry.position) index++;
    if (index === this.#head && this.#head > 0) this.#entries[--this.#head] = entry;
    else this.#entries.splice(index, 0, entry);
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let index = this.#head; index < this.#entries.length; index++) yield this.#entries[index] as Entry;
  }
}

export class ReadyList {
  #lanes: Lane[];
  size = 0;
  bytes = 0;

  /** `priorities`: how many levels above 0. */
  constructor(priorities = 0) {
    this.#lanes = Array.from({ length: priorities + 1 }, () => new Lane());
  }

  push(entry: Entry): void {
    this.#lane(entry).push(entry);
    this.#count(entry, 1);
  }

  putBack(entry: Entry): void {
    this.#lane(entry).putBack(entry);
    this.#count(entry, 1);
  }

  /** The next one, highest priority first. */
  get first(): Entry | undefined {
    return this.#fullLane()?.first;
  }

  shift(): Entry | undefined {
    const entry = this.#fullLane()?.shift();
    if (entry !== undefined) this.#count(entry, -1);
    return entry;
  }

  /** The oldest of the lowest priority: what drop-head drops. */
  shiftLowest(): Entry | undefined {
    const entry = this.#lanes.find((lane) => lane.size > 0)?.shift();
    if (entry !== undefined) this.#count(entry, -1);
    return entry;
  }

  /** Empties it. */
  clear(): Entry[] {
    const all = [...this];
    this.#lanes = this.#lanes.map(() => new Lane());
    this.size = this.bytes = 0;
    return all;
  }

  *[Symbol.iterator](): Generator<Entry> {
    for (let level = this.#lanes.length - 1; level >= 0; level--) yield* this.#lanes[level] as Lane;
  }

  #lane({ message }: Entry): Lane {
    return this.#lanes[Math.min(message.properties.priority, this.#lanes.length - 1)] as Lane;
  }

  #fullLane(): Lane | undefined {
    for (let level = this.#lanes.length - 1; level >= 0; level--) {
      const lane = this.#lanes[level];
      if (lane !== undefined && lane.size > 0) return lane;
    }
    return undefined;
  }

  #count({ message }: Entry, sign: 1 | -1): void {
    this.size += sign;
    this.bytes += sign * message.body.length;
  }
}
