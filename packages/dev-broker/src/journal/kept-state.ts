/**
 * What is to outlive the process: the sum of the records so far, while they are read and while they are written.
 * Holds the same entries as the queues do. Pure.
 */
import { type ExchangeOptions, tableText } from '../engine/exchange.js';
import type { BindingRecord, DurableQueue, KeptMessages } from '../engine/journal.js';
import type { Entry } from '../engine/message.js';
import type { JournalRecord, Returned } from './records.js';

export interface KeptEntry {
  readonly entry: Entry;
  readonly bytes: number;
  /** When it was put before all others, as a number that grows. */
  first?: number | undefined;
  /** When it was given to a client. */
  given?: number | undefined;
}

export interface KeptQueue {
  readonly id: number;
  readonly queue: DurableQueue;
  readonly vhost: KeptVhost;
  readonly bytes: number;
  /** By position; those of one priority in the order in which they wait. */
  readonly entries: Map<number, KeptEntry>;
}

interface Sized<T> {
  readonly is: T;
  readonly bytes: number;
}

export interface KeptVhost {
  readonly name: string;
  readonly exchanges: Map<string, Sized<ExchangeOptions>>;
  readonly queues: Map<string, KeptQueue>;
  readonly bindings: Map<string, Sized<BindingRecord>>;
}

/** Of a message that was given away, or put first: the records that say so. */
const bytesOfMoves = 128;

export class KeptState {
  readonly vhosts: Map<string, KeptVhost> = new Map();
  /** What all of it takes when it is written anew, or less. */
  liveBytes = 0;
  /** The number of the next queue. */
  nextQueue = 1;
  #queues = new Map<number, KeptQueue>();
  #moves = 0;

  vhost(name: string): KeptVhost {
    const present = this.vhosts.get(name);
    if (present !== undefined) return present;
    const vhost = { name, exchanges: new Map(), queues: new Map(), bindings: new Map() };
    this.vhosts.set(name, vhost);
    return vhost;
  }

  hasBinding(vhost: string, binding: BindingRecord): boolean {
    return this.vhost(vhost).bindings.has(bindingKey(binding));
  }

  /** A record that names what is not there changes nothing. `bytes` is its size. */
  apply(record: JournalRecord, bytes: number): void {
    switch (record.kind) {
      case 'complete':
        return;
      case 'exchange declared':
        return this.#set(this.vhost(record.vhost).exchanges, record.exchange.name, {
          is: record.exchange,
          bytes,
        });
      case 'exchange deleted':
        return this.#exchangeDeleted(this.vhost(record.vhost), record.name);
      case 'queue declared':
        return this.#queueDeclared(record, bytes);
      case 'queue deleted':
        return this.#queueDeleted(record.id);
      case 'bound':
        return this.#set(this.vhost(record.vhost).bindings, bindingKey(record.binding), {
          is: record.binding,
          bytes,
        });
      case 'unbound':
        return this.#delete(this.vhost(record.vhost).bindings, bindingKey(record.binding));
      case 'added':
        return this.#added(record.id, { entry: record.entry, bytes: bytes + bytesOfMoves });
      case 'delivered':
        return this.#delivered(record.id, record.position);
      case 'returned':
        return this.#returned(record);
      case 'removed':
        return this.#removed(record.id, record.position);
    }
  }

  #queueDeclared({ vhost, id, queue }: JournalRecord & { kind: 'queue declared' }, bytes: number): void {
    const owner = this.vhost(vhost);
    const present = owner.queues.get(queue.name);
    if (present !== undefined) this.#queueDeleted(present.id);
    const kept = { id, queue, vhost: owner, bytes, entries: new Map() };
    owner.queues.set(queue.name, kept);
    this.#queues.set(id, kept);
    this.liveBytes += bytes;
    this.nextQueue = Math.max(this.nextQueue, id + 1);
  }

  #queueDeleted(id: number): void {
    const kept = this.#queues.get(id);
    if (kept === undefined) return;
    this.#queues.delete(id);
    kept.vhost.queues.delete(kept.queue.name);
    this.liveBytes -= kept.bytes;
    for (const { bytes } of kept.entries.values()) this.liveBytes -= bytes;
    const { name } = kept.queue;
    this.#unbind(kept.vhost, ({ destination }) => destination.kind === 'queue' && destination.name === name);
  }

  #exchangeDeleted(vhost: KeptVhost, name: string): void {
    this.#delete(vhost.exchanges, name);
    this.#unbind(
      vhost,
      ({ source, destination }) =>
        source === name || (destination.kind === 'exchange' && destination.name === name),
    );
  }

  #unbind({ bindings }: KeptVhost, which: (binding: BindingRecord) => boolean): void {
    for (const [key, { is }] of bindings) if (which(is)) this.#delete(bindings, key);
  }

  #added(id: number, kept: KeptEntry): void {
    const queue = this.#queues.get(id);
    if (queue === undefined) return;
    queue.entries.set(kept.entry.position, kept);
    this.liveBytes += kept.bytes;
  }

  #delivered(id: number, position: number): void {
    const kept = this.#queues.get(id)?.entries.get(position);
    if (kept === undefined) return;
    kept.given = ++this.#moves;
    kept.first = undefined;
  }

  #returned({ id, position, place, deliveryCount, acquiredCount }: Returned): void {
    const entries = this.#queues.get(id)?.entries;
    const kept = entries?.get(position);
    if (entries === undefined || kept === undefined) return;
    const { entry } = kept;
    entry.redelivered = true;
    entry.deliveryCount = deliveryCount;
    if (acquiredCount !== undefined) entry.acquiredCount = acquiredCount;
    kept.given = undefined;
    if (place === 'first') kept.first = ++this.#moves;
    if (place !== 'last') return;
    entries.delete(position);
    entries.set(position, kept);
  }

  #removed(id: number, position: number): void {
    const entries = this.#queues.get(id)?.entries;
    const kept = entries?.get(position);
    if (entries === undefined || kept === undefined) return;
    entries.delete(position);
    this.liveBytes -= kept.bytes;
  }

  #set<T>(map: Map<string, Sized<T>>, key: string, sized: Sized<T>): void {
    this.#delete(map, key);
    map.set(key, sized);
    this.liveBytes += sized.bytes;
  }

  #delete<T>(map: Map<string, Sized<T>>, key: string): void {
    this.liveBytes -= map.get(key)?.bytes ?? 0;
    map.delete(key);
  }
}

/** The messages of a queue, in their orders. */
export function keptMessages({ entries }: KeptQueue): KeptMessages {
  const all = [...entries.values()];
  const by = (which: 'first' | 'given'): Entry[] =>
    all
      .filter((kept) => kept[which] !== undefined)
      .sort((a, b) => (a[which] ?? 0) - (b[which] ?? 0))
      .map(({ entry }) => entry);
  const waiting = all.filter(({ first, given }) => first === undefined && given === undefined);
  return { waiting: waiting.map(({ entry }) => entry), first: by('first'), given: by('given') };
}

/** The same for arguments in any order. */
function bindingKey({ source, destination, routingKey, arguments: args }: BindingRecord): string {
  return JSON.stringify([source, destination.kind, destination.name, routingKey, tableText(args)]);
}
