/**
 * The messages of a queue that wait, by priority and position. Taking from the front is constant time; what is
 * returned goes back to where it was, or before all others. Bookkeeping only.
 */
import type { Entry, Message } from './message.js';
import { PositionHeap } from './position-heap.js';
import type { Profile } from './profile.js';
import { hasPriority } from './properties.js';
import type { QueueSettings } from './queue-arguments.js';

/**
 * One priority. What is new comes last, into an array with a moving head, because shifting a long array costs more than
 * it holds; what was given back goes by its position, which is nearly always before all that is new.
 */
class Lane {
  #new: (Entry | undefined)[] = [];
  #head = 0;
  #back = new PositionHeap();

  get first(): Entry | undefined {
    return this.#isBackFirst() ? this.#back.first : this.#new[this.#head];
  }

  push(entry: Entry): void {
    this.#new.push(entry);
  }

  putBack(entry: Entry): void {
    this.#back.push(entry);
  }

  shift(): Entry | undefined {
    if (this.#isBackFirst()) return this.#back.shift();
    const entry = this.#new[this.#head];
    if (entry === undefined) return undefined;
    this.#new[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#new.length) {
      this.#new = this.#new.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  *[Symbol.iterator](): Generator<Entry> {
    const back = this.#back.sorted();
    let next = 0;
    for (let index = this.#head; index < this.#new.length; index++) {
      const entry = this.#new[index] as Entry;
      while (next < back.length && (back[next] as Entry).position < entry.position)
        yield back[next++] as Entry;
      yield entry;
    }
    while (next < back.length) yield back[next++] as Entry;
  }

  #isBackFirst(): boolean {
    const back = this.#back.first;
    const fresh = this.#new[this.#head];
    return back !== undefined && (fresh === undefined || back.position < fresh.position);
  }
}

/** Where what comes back goes: to where it was, behind all others of its priority, or before all others. */
export type Place = 'its own' | 'last' | 'first';

export interface ReadyListOptions {
  /** Levels above 0. Default 0. */
  readonly priorities?: number;
  /** Default: the message's own priority, which is 0 where it has none. */
  readonly priorityOf?: (message: Message) => number;
}

export class ReadyList {
  /** Lowest priority first; the last one holds what goes before all others. */
  #lanes: Lane[];
  #priorityOf: (message: Message) => number;
  size = 0;
  bytes = 0;

  constructor(options: ReadyListOptions = {}) {
    this.#lanes = Array.from({ length: (options.priorities ?? 0) + 2 }, () => new Lane());
    this.#priorityOf = options.priorityOf ?? (({ properties }) => properties.priority);
  }

  push(entry: Entry): void {
    this.#lane(entry).push(entry);
    this.#count(entry, 1);
  }

  /** Before all others is behind those that were put there earlier. */
  putBack(entry: Entry, place: Place): void {
    if (place === 'its own') this.#lane(entry).putBack(entry);
    else if (place === 'last') this.#lane(entry).push(entry);
    else (this.#lanes.at(-1) as Lane).push(entry);
    this.#count(entry, 1);
  }

  /** The next one, highest priority first. */
  shift(): Entry | undefined {
    for (let level = this.#lanes.length - 1; level >= 0; level--) {
      const entry = this.#lanes[level]?.shift();
      if (entry === undefined) continue;
      this.#count(entry, -1);
      return entry;
    }
    return undefined;
  }

  /** The next one. */
  get first(): Entry | undefined {
    for (let level = this.#lanes.length - 1; level >= 0; level--) {
      const first = this.#lanes[level]?.first;
      if (first !== undefined) return first;
    }
    return undefined;
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
    return this.#lanes[Math.min(this.#priorityOf(message), this.#lanes.length - 2)] as Lane;
  }

  #count({ message }: Entry, sign: 1 | -1): void {
    this.size += sign;
    this.bytes += sign * message.body.length;
  }
}

interface ReadyListSubject {
  readonly settings: Pick<QueueSettings, 'type' | 'maxPriority'>;
  readonly profile: Profile;
}

/** Classic queues have the priorities they ask for; quorum queues those of the profile. */
export function readyListOptions({ settings, profile }: ReadyListSubject): ReadyListOptions {
  if (settings.type === 'classic') return { priorities: settings.maxPriority };
  if (!profile.quorumPriorities) return {};
  const priorityOf = ({ properties }: Message): number =>
    hasPriority(properties.raw) ? properties.priority : 4;
  return { priorities: 31, priorityOf };
}
