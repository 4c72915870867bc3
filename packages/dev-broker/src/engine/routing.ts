/** The way of a message from an exchange to queues: bindings, alternate exchanges, sender-selected keys. Pure. */
import type { Exchange } from './exchange.js';
import type { Message } from './message.js';
import type { Queue } from './queue.js';

export interface Topology {
  readonly exchanges: ReadonlyMap<string, Exchange>;
  readonly queues: ReadonlyMap<string, Queue>;
}

/** The queues that a message takes from here, each once. */
export function route(from: Exchange, message: Message, topology: Topology): ReadonlySet<Queue> {
  const queues = new Set<Queue>();
  follow(from, message, { ...topology, found: queues, seen: new Set() });
  return queues;
}

interface Search extends Topology {
  readonly found: Set<Queue>;
  readonly seen: Set<Exchange>;
}

function follow(exchange: Exchange, message: Message, search: Search): void {
  if (search.seen.has(exchange)) return; // exchanges bound in a circle
  search.seen.add(exchange);
  const { headers } = message.properties;
  const keys = message.copies === undefined ? [message.routingKey] : [message.routingKey, ...message.copies];
  const destinations = keys.flatMap((key) => exchange.route(key, headers));
  if (destinations.length === 0 && exchange.alternate !== undefined) {
    const alternate = search.exchanges.get(exchange.alternate);
    if (alternate !== undefined) follow(alternate, message, search);
  }
  for (const { kind, name } of destinations) {
    if (kind === 'exchange') {
      const next = search.exchanges.get(name);
      if (next !== undefined) follow(next, message, search);
      continue;
    }
    const queue = search.queues.get(name);
    if (queue !== undefined) search.found.add(queue);
  }
}
