/**
 * Where a signed message is meant to arrive: the same for its sender and for its consumer, whatever way it took. Pure.
 */
import { delayedTarget, queueKey } from '../amqp/delayed-delivery.js';
import { cameBy, type CameBy, type ReceivedIn } from '../protocol/again.js';

/**
 * The target of a message in a queue. Through the default exchange and the delay queues that is the queue itself, which
 * nobody but the consumer can name: a signed message does no good in another queue.
 */
export function targetIn(received: ReceivedIn): CameBy {
  const from = cameBy(received);
  const isDirect = from.exchange === '' || delayedTarget(from) !== undefined;
  return isDirect ? { exchange: '', routingKey: queueKey(received.queue) } : from;
}

/** The target of a message that is about to be published. */
export function targetOf({ exchange, routingKey }: CameBy): CameBy {
  const delayedTo = delayedTarget({ exchange, routingKey });
  if (delayedTo !== undefined) return { exchange: '', routingKey: delayedTo };
  return { exchange, routingKey: exchange === '' ? queueKey(routingKey) : routingKey };
}
