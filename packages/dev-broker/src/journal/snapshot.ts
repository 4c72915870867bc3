/** A whole state as records: what a journal file begins with. Pure. */
import { keptMessages, type KeptQueue, type KeptState } from './kept-state.js';
import type { JournalRecord } from './records.js';

/** In an order in which reading them gives the same state. */
export function* snapshot(state: KeptState): Generator<JournalRecord> {
  for (const vhost of state.vhosts.values()) {
    const { name } = vhost;
    for (const { is } of vhost.exchanges.values()) {
      yield { kind: 'exchange declared', vhost: name, exchange: is };
    }
    for (const queue of vhost.queues.values()) yield* queueRecords(queue);
    for (const { is } of vhost.bindings.values()) yield { kind: 'bound', vhost: name, binding: is };
  }
  yield { kind: 'complete' };
}

function* queueRecords(kept: KeptQueue): Generator<JournalRecord> {
  const { id, queue, vhost, entries } = kept;
  yield { kind: 'queue declared', vhost: vhost.name, id, queue };
  for (const { entry } of entries.values()) yield { kind: 'added', id, entry };
  const { first, given } = keptMessages(kept);
  for (const { position, deliveryCount, acquiredCount } of first) {
    yield { kind: 'returned', id, position, place: 'first', deliveryCount, acquiredCount };
  }
  for (const { position } of given) yield { kind: 'delivered', id, position };
}
