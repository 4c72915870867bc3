/** Tells a data journal what changes in a virtual host, and gives back what it knew. */
import type { ExchangeOptions } from '../engine/exchange.js';
import type { BindingRecord, DurableQueue, Journal } from '../engine/journal.js';
import type { Entry } from '../engine/message.js';
import type { Place } from '../engine/ready-list.js';
import type { Vhost } from '../engine/vhost.js';
import type { DataJournal } from './data-journal.js';
import { keptMessages, type KeptVhost } from './kept-state.js';

/** From now on the virtual host is kept; what was kept of it is there again. */
export function keep(vhost: Vhost, data: DataJournal): void {
  const journal = new VhostJournal(vhost.name, data);
  vhost.keepIn(journal);
  const kept = data.state.vhost(vhost.name);
  restoreTopology(vhost, kept);
  journal.listen();
  const queues = [...kept.queues.values()].flatMap((one) => vhost.find(one.queue.name) ?? []);
  const messages = [...kept.queues.values()].map(keptMessages);
  queues.forEach((queue, index) => queue.restore(messages[index] as (typeof messages)[number]));
  // Now that all have what is theirs: what was in clients' hands is given back, and what is due happens.
  queues.forEach((queue, index) => {
    queue.returned(messages[index]?.given ?? [], { requeue: true, by: 'loss' });
  });
}

function restoreTopology(vhost: Vhost, kept: KeptVhost): void {
  for (const { is } of kept.exchanges.values()) vhost.declareExchange(is);
  for (const { queue } of kept.queues.values()) {
    const connection = {}; // nobody's
    vhost.restoreQueue({ ...queue, durable: true, exclusive: false, connection, isServerNamed: false });
  }
  for (const { is } of kept.bindings.values()) vhost.bind(is.source, is.destination, is);
}

class VhostJournal implements Journal {
  #vhost: string;
  #data: DataJournal;
  #isListening = false;

  constructor(vhost: string, data: DataJournal) {
    this.#vhost = vhost;
    this.#data = data;
  }

  /** What is told before is known already. */
  listen(): void {
    this.#isListening = true;
  }

  exchangeDeclared(exchange: ExchangeOptions): void {
    if (!this.#isListening) return;
    this.#data.append({ kind: 'exchange declared', vhost: this.#vhost, exchange });
  }

  exchangeDeleted(name: string): void {
    this.#data.append({ kind: 'exchange deleted', vhost: this.#vhost, name });
  }

  queueDeclared(queue: DurableQueue): void {
    if (!this.#isListening) return;
    const id = this.#data.state.nextQueue;
    this.#data.append({ kind: 'queue declared', vhost: this.#vhost, id, queue });
  }

  queueDeleted(name: string): void {
    this.#ofQueue(name, (id) => this.#data.append({ kind: 'queue deleted', id }));
  }

  /** Clients bind again and again: what is known is not written. */
  bound(binding: BindingRecord): void {
    if (!this.#isListening || this.#data.state.hasBinding(this.#vhost, binding)) return;
    this.#data.append({ kind: 'bound', vhost: this.#vhost, binding });
  }

  unbound(binding: BindingRecord): void {
    this.#data.append({ kind: 'unbound', vhost: this.#vhost, binding });
  }

  added(queue: string, entry: Entry): void {
    this.#ofQueue(queue, (id) => this.#data.append({ kind: 'added', id, entry }));
  }

  delivered(queue: string, { position }: Entry): void {
    this.#ofQueue(queue, (id) => this.#data.append({ kind: 'delivered', id, position }));
  }

  returned(queue: string, { position, deliveryCount, acquiredCount }: Entry, place: Place): void {
    this.#ofQueue(queue, (id) =>
      this.#data.append({ kind: 'returned', id, position, place, deliveryCount, acquiredCount }),
    );
  }

  removed(queue: string, { position }: Entry): void {
    this.#ofQueue(queue, (id) => this.#data.append({ kind: 'removed', id, position }));
  }

  #ofQueue(name: string, tell: (id: number) => void): void {
    const kept = this.#data.state.vhost(this.#vhost).queues.get(name);
    if (kept !== undefined) tell(kept.id);
  }
}
