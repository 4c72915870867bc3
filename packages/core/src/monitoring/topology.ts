/** What events of monitoring need on the broker, as data, name for name as Celery has it. Pure. */
import type { Topology } from '../amqp/topology.js';
import type { Config } from '../config/types.js';

type Named = Pick<Config, 'tasks'>;

/** The topic exchange that workers and senders tell their events to. */
export function eventExchange({ tasks }: Named): Topology {
  return {
    isPassing: true,
    exchanges: [{ name: tasks.event_exchange, type: 'topic' }],
    queues: [],
    bindings: [],
  };
}

export interface EventQueueOptions {
  readonly queue: string;
  /** Patterns of routing keys: `worker.#`. */
  readonly patterns: readonly string[];
}

/** How long an event waits for a reader that is slow: Celery's own figure, milliseconds. */
const staleMs = 5_000;
/** How long the queue outlives its last use: Celery's own figure, milliseconds. */
const unusedMs = 60_000;
/** Of messages; the oldest give way. Celery's queues have no such bound. */
const mostMessages = 10_000;

/**
 * A reader's queue. Exclusive, because RabbitMQ 4.3 refuses queues that are neither durable nor exclusive, as Celery's
 * are by default; what counts on the wire is the exchange.
 */
export function eventQueue(config: Named, { queue, patterns }: EventQueueOptions): Topology {
  const { exchanges } = eventExchange(config);
  const bounds = { 'x-message-ttl': staleMs, 'x-expires': unusedMs, 'x-max-length': mostMessages };
  return {
    isPassing: true,
    exchanges,
    queues: [{ name: queue, isExclusive: true, arguments: bounds }],
    bindings: patterns.map((routingKey) => ({
      queue,
      exchange: config.tasks.event_exchange,
      routingKey,
    })),
  };
}
