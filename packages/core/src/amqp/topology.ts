/**
 * What should exist on the broker, as data: exchanges, queues and bindings. Pure: `declare.ts` makes it so.
 */
import { createHash } from 'node:crypto';

import { longestNameBytes } from '../policy/queue-name.js';

export type QueueType = 'quorum' | 'classic';

export interface ExchangeSpec {
  readonly name: string;
  readonly type: 'direct' | 'topic' | 'fanout';
  /** True: gone after a restart of the broker. For what nobody misses then, never for tasks or events. */
  readonly isTransient?: boolean;
}

/** Durable, not exclusive, not auto-deleted, unless it says otherwise: nothing less survives a restart of the broker. */
export interface QueueSpec {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** True: of one connection, and gone with it. Never for tasks or events. */
  readonly isExclusive?: boolean;
}

export interface BindingSpec {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
}

/** From one exchange to another. */
export interface ExchangeBindingSpec {
  readonly destination: string;
  readonly source: string;
  readonly routingKey: string;
}

export interface Topology {
  readonly exchanges: readonly ExchangeSpec[];
  readonly queues: readonly QueueSpec[];
  readonly bindings: readonly BindingSpec[];
  readonly exchangeBindings?: readonly ExchangeBindingSpec[];
  /** What its queues are called together, where they are alike: a difference that they share is told once. */
  readonly family?: string;
  /** True: it comes and goes with this process, so it is declared also where the operator declares all the rest. */
  readonly isPassing?: boolean;
}

const deadLetterSuffix = '.dead-letter';

/** Where a queue's unhandled messages end. A name that leaves no room for that is known by a digest of it. */
export function deadLetterQueueName(queue: string): string {
  const name = `${queue}${deadLetterSuffix}`;
  if (Buffer.byteLength(name) <= longestNameBytes) return name;
  return `celeriac-${createHash('sha256').update(queue).digest('hex').slice(0, 40)}${deadLetterSuffix}`;
}

/** Crashes a quorum queue tolerates per message: RabbitMQ 4's own default, written out for older versions. */
const deliveryLimit = 20;

export interface QueueOptions {
  /** Seconds the broker waits for an acknowledgement; absent: as long as it is set to. */
  readonly consumerTimeout?: number | undefined;
  readonly queue: string;
  readonly type: QueueType;
  /** Seconds a message stays in the dead-letter queue. */
  readonly deadLetterExpiry: number;
}

/** The dead-letter queue of a queue. */
export function deadLetterQueue({ queue, type, deadLetterExpiry }: QueueOptions): QueueSpec {
  return {
    name: deadLetterQueueName(queue),
    arguments: {
      ...typeArgument(type),
      'x-message-ttl': Math.round(deadLetterExpiry * 1000),
    },
  };
}

function typeArgument(type: QueueType): Record<string, unknown> {
  // Classic is the default of every version: without the argument it equals a queue that others declared plainly.
  return type === 'quorum' ? { 'x-queue-type': 'quorum' } : {};
}

/**
 * A queue of ours with its dead-letter queue. What the broker itself drops (delivery limit) goes to the
 * dead-letter queue too, at least once on quorum queues (rabbitmq.com/docs/quorum-queues, "At-least-once
 * dead-lettering": needs x-overflow reject-publish).
 */
export function taskQueue(options: QueueOptions): Topology {
  const { queue, type, consumerTimeout } = options;
  const quorumOnly =
    type === 'quorum'
      ? {
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          'x-delivery-limit': deliveryLimit,
        }
      : {};
  const main: QueueSpec = {
    name: queue,
    arguments: {
      ...typeArgument(type),
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadLetterQueueName(queue),
      ...quorumOnly,
      ...(consumerTimeout === undefined ? {} : { 'x-consumer-timeout': Math.round(consumerTimeout * 1000) }),
    },
  };
  return { exchanges: [], queues: [deadLetterQueue(options), main], bindings: [] };
}

/**
 * A queue as Celery declares it, argument for argument, so that either side may come first: classic, a direct
 * exchange and a binding of its name (celery-wire: `task_create_missing_queues`). Our dead-letter queue beside it.
 */
export function celeryQueue(options: QueueOptions): Topology {
  const { queue, type } = options;
  return {
    exchanges: [{ name: queue, type: 'direct' }],
    queues: [deadLetterQueue(options), { name: queue, arguments: typeArgument(type) }],
    bindings: [{ queue, exchange: queue, routingKey: queue }],
  };
}

export interface ApplicationOptions extends QueueOptions {
  /** The topic exchange events are published to. */
  readonly exchange: string;
  /** Routing patterns the application receives. */
  readonly patterns: readonly string[];
}

/** The queue of a registered application, bound to what it wants to hear of. */
export function applicationQueue(options: ApplicationOptions): Topology {
  const { queue, exchange, patterns } = options;
  const own = taskQueue(options);
  return {
    exchanges: [{ name: exchange, type: 'topic' }],
    queues: own.queues,
    bindings: patterns.map((routingKey) => ({ queue, exchange, routingKey })),
  };
}

/** The queue of a document that is kept in the broker. */
export function registryQueue(name: string, type: QueueType): QueueSpec {
  return { name, arguments: typeArgument(type) };
}

/** More deliveries than processes ever take over without writing; RabbitMQ 4 would drop the state after 20. */
const stateDeliveryLimit = 1_000_000;

/**
 * The queue that holds the state of beat. The broker serves one consumer of it at a time
 * (rabbitmq.com/docs/consumers, "Single Active Consumer"): who has its messages in hand is the active one.
 */
export function beatTopology(name: string, type: QueueType): Topology {
  const quorum =
    type === 'quorum' ? { 'x-queue-type': 'quorum', 'x-delivery-limit': stateDeliveryLimit } : {};
  return {
    exchanges: [],
    queues: [{ name, arguments: { 'x-single-active-consumer': true, ...quorum } }],
    bindings: [],
  };
}
