/** What remote control needs on the broker, as data, name for name as Celery has it. Pure. */
import type { Topology } from '../amqp/topology.js';
import type { Config } from '../config/types.js';

/** The fanout exchange that requests go to. */
export function controlExchange({ tasks }: Pick<Config, 'tasks'>): string {
  return `${tasks.control_exchange}.pidbox`;
}

/** The direct exchange that replies go through. */
export function controlReplyExchange({ tasks }: Pick<Config, 'tasks'>): string {
  return `reply.${tasks.control_exchange}.pidbox`;
}

export interface MailboxOptions {
  readonly queue: string;
  /** What replies to its owner are addressed to. */
  readonly replyKey: string;
  /** False hears replies only. */
  readonly hearsRequests: boolean;
}

/** A request that nobody took for so long is stale: Celery's own figure, milliseconds. */
const stalenessMs = 300_000;

/**
 * An exclusive queue that hears requests, and replies to its owner. Exclusive, because RabbitMQ 4.3 refuses queues that
 * are neither durable nor exclusive, as Celery's are by default; what counts on the wire are the exchanges.
 */
export function mailbox(config: Pick<Config, 'tasks'>, options: MailboxOptions): Topology {
  const { queue, replyKey, hearsRequests } = options;
  const requests = controlExchange(config);
  const replies = controlReplyExchange(config);
  return {
    isPassing: true,
    exchanges: controlExchanges(config).exchanges,
    queues: [{ name: queue, isExclusive: true, arguments: { 'x-message-ttl': stalenessMs } }],
    bindings: [
      ...(hearsRequests ? [{ queue, exchange: requests, routingKey: '' }] : []),
      { queue, exchange: replies, routingKey: replyKey },
    ],
  };
}

export function controlExchanges(config: Pick<Config, 'tasks'>): Topology {
  return {
    isPassing: true,
    exchanges: [
      { name: controlExchange(config), type: 'fanout', isTransient: true },
      { name: controlReplyExchange(config), type: 'direct', isTransient: true },
    ],
    queues: [],
    bindings: [],
  };
}
