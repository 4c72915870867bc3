/** What of a virtual host is to outlive its process, as text that can be compared. */
import { describeBindings, describeExchanges, describeQueues } from '../../dist/engine/describe.js';
import type { Entry } from '../../dist/engine/message.js';
import type { Queue } from '../../dist/engine/queue.js';
import type { Vhost } from '../../dist/engine/vhost.js';

export function keptOf(vhost: Vhost): string {
  const queues = describeQueues(vhost).filter(({ durable }) => durable);
  const exchanges = describeExchanges(vhost).filter(({ durable }) => durable);
  const names = {
    queue: new Set(queues.map(({ name }) => name)),
    exchange: new Set(exchanges.map(({ name }) => name)),
  };
  const bindings = describeBindings(vhost).filter(
    ({ source, destination, destinationType }) =>
      names.exchange.has(source) && names[destinationType].has(destination),
  );
  const kept = {
    exchanges,
    queues: queues.map(({ name, type, autoDelete, arguments: args }) => ({
      name,
      type,
      autoDelete,
      arguments: args,
      messages: messagesOf(vhost.find(name)),
    })),
    bindings,
  };
  return JSON.stringify(kept, undefined, 1);
}

function messagesOf(queue: Queue | undefined): object[] {
  const isKept = ({ message }: Entry): boolean =>
    message.properties.persistent || queue?.options.settings.type === 'quorum';
  return [...(queue?.waiting ?? [])].filter(isKept).map(({ message, position: _, ...entry }) => ({
    ...entry, // where it waits is its place in this list
    acquiredCount: entry.acquiredCount ?? 0,
    exchange: message.exchange,
    routingKey: message.routingKey,
    copies: message.copies ?? [],
    hasDied: message.hasDied === true,
    raw: message.properties.raw.toString('latin1'),
    body: message.body.toString('latin1'),
  }));
}
