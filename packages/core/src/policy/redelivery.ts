/**
 * How often a message was handed to a worker that did not settle it: a task that ends its process can be told by
 * nothing else. Pure: reads what came with the delivery.
 *
 * Source: rabbitmq.com/docs/quorum-queues, "Poison message handling": quorum queues count in `x-delivery-count`, which
 * is absent the first time. Classic queues count nothing and say `redelivered`.
 */
import type { Delivery } from '../ports.js';

/** Header of ours: deliveries before the queue began to count, or that a queue which cannot count had forgotten. */
export const deliveriesHeader = 'celeriac-deliveries';

export interface DeliveryCount {
  /** Deliveries before this one. */
  readonly before: number;
  /** False: only we know, and a crash now would forget it. */
  readonly kept: boolean;
}

export function deliveryCount({
  redelivered,
  properties,
}: Pick<Delivery, 'redelivered' | 'properties'>): DeliveryCount {
  const { headers = {} } = properties;
  const own = headerCount(headers[deliveriesHeader]);
  const brokers = headerCount(headers['x-delivery-count']);
  if (brokers > 0 || !redelivered) return { before: own + brokers, kept: true };
  return { before: own + 1, kept: false };
}

/** Whether anybody may have begun with it before. A copy that was made to keep the count is a repeat as well. */
export function isRepeated(delivery: Pick<Delivery, 'redelivered' | 'properties'>): boolean {
  return delivery.redelivered || deliveryCount(delivery).before > 0;
}

/** A count in a header; 0 for what is none. */
export function headerCount(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
