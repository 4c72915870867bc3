/**
 * The messages of a queue that wait, by priority and position. Taking from the front is constant time; what is
 * returned goes back to where it was, or before all others. Bookkeeping only.
 */
import type { Entry, Message } from './message.js';
import type { Profile } from './profile.js';
import { hasPriority } from './properties.js';
import type { QueueSettings } from './queue-arguments.js';

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
