/**
 * Celery's native delayed delivery, name for name, as data: 28 levels of exchange and queue, one per bit of a delay
 * in seconds. A message whose bit is 1 waits in that level's queue, for 2^level seconds, and dead-letters to the next
 * lower exchange; one whose bit is 0 passes it by. Pure: declares and publishes nothing.
 *
 * Source: kombu/transport/native_delayed_delivery.py (5.5 and later); arguments as captured from Celery 5.6.3.
 */
import { createHash } from 'node:crypto';

import { isDelayExchange } from '../policy/delay.js';
import type { BindingSpec, QueueSpec, QueueType, Topology } from './topology.js';

const levels = 28;

/**
 * Where a message with this delay (1 to `longestDelaySeconds`) enters. Celery always enters at the top; a message
 * passes the levels above its highest bit anyway, and every level passed costs the broker a lookup.
 */
export function delayedExchange(seconds: number): string {
  return levelName(31 - Math.clz32(seconds));
}

/** Where they come out: every queue that receives delayed messages is bound to it. */
export const deliveryExchange = 'celery_delayed_delivery';

function levelName(level: number): string {
  return `celery_delayed_${level}`;
}

/**
 * Everything but the bindings of single queues, in the order of declaration: from the way out up to the entrance, a
 * level each, so that no message enters before its whole way is there.
 */
export function delayTopologies(type: QueueType): readonly Topology[] {
  return Array.from({ length: levels }, (_, level) => levelTopology(level, type));
}

function levelTopology(level: number, type: QueueType): Topology {
  const name = levelName(level);
  const next = level === 0 ? deliveryExchange : levelName(level - 1);
  const before = anyBits(levels - 1 - level);
  return {
    family: 'delay queues',
    exchanges: (level === 0 ? [next, name] : [name]).map((one) => ({ name: one, type: 'topic' })),
    queues: [levelQueue(level, next, type)],
    bindings: [{ queue: name, exchange: name, routingKey: `${before}1.#` }],
    exchangeBindings: [{ destination: next, source: name, routingKey: `${before}0.#` }],
  };
}

function levelQueue(level: number, deadLetterExchange: string, type: QueueType): QueueSpec {
  return {
    name: levelName(level),
    arguments: {
      'x-queue-type': type,
      'x-overflow': 'reject-publish',
      'x-message-ttl': integer(2 ** level * 1000),
      'x-dead-letter-exchange': deadLetterExchange,
      // Else a hop is at most once: RabbitMQ forgets the message before the next queue has it.
      ...(type === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
    },
  };
}

/** As py-amqp writes it, and amqplib would not: it takes the shortest form. */
function integer(value: number): unknown {
  return { '!': value < 2 ** 31 ? 'int32' : 'int64', value };
}

function anyBits(count: number): string {
  return '*.'.repeat(count);
}

/**
 * How a queue gets its delayed messages. The key is exact: Celery binds `#.queue`, by which a queue `b` would also
 * get what was meant for a queue `a.b`.
 */
export function delayedBinding(queue: string): BindingSpec {
  return { queue, exchange: deliveryExchange, routingKey: `${anyBits(levels)}${queueKey(queue)}` };
}

/** The routing key of a delay (1 to `longestDelaySeconds`) to a queue: its bits, highest first, and the queue. */
export function delayedRoutingKey(seconds: number, queue: string): string {
  return `${seconds.toString(2).padStart(levels, '0').split('').join('.')}.${queueKey(queue)}`;
}

/** Where a message was published to, or comes from. */
interface Published {
  readonly exchange: string;
  readonly routingKey: string;
}

/** True when a message that is, or was, on its way through the delay queues is meant for this queue. */
export function isDelayedTo(queue: string, message: Published): boolean {
  return delayedTarget(message) === queueKey(queue);
}

/** The queue that such a message is meant for, in the form its key has; undefined for one that was not delayed. */
export function delayedTarget({ exchange, routingKey }: Published): string | undefined {
  return isDelayExchange(exchange) ? routingKey.slice(levels * 2) : undefined;
}

/** The whole seconds that such a message waits; 0 for one that was not delayed. */
export function delayedSeconds({ exchange, routingKey }: Published): number {
  if (!isDelayExchange(exchange)) return 0;
  return Number.parseInt(routingKey.slice(0, levels * 2).replaceAll('.', ''), 2);
}

/** AMQP's routing keys hold 255 bytes. */
const longestKeyBytes = 255 - levels * 2;

/** The queue's name, unless it would not fit into the key or would be read as a pattern: then a digest of it. */
export function queueKey(queue: string): string {
  const isPlain = !/(^|\.)[*#](\.|$)/u.test(queue) && Buffer.byteLength(queue) <= longestKeyBytes;
  return isPlain ? queue : `celeriac-${createHash('sha256').update(queue).digest('hex').slice(0, 40)}`;
}
