/**
 * Hears what other workers say of themselves (Celery's gossip): keeps the Lamport clock in step with theirs, and
 * acknowledges elections, which would wait for it for ever. Takes part in none: it never stands, and runs nothing.
 *
 * Source: celery/worker/consumer/gossip.py.
 */
import { randomUUID } from 'node:crypto';

import {
  type Clock,
  type Config,
  decodeMonitoringEvents,
  type Delivery,
  eventQueue,
  type Logger,
  type MonitoringEvent,
} from '@celeriac/core';

import type { LogicalClock } from '../control/logical-clock.js';
import type { Side, SideConsumer } from '../side.js';
import type { EventDispatcher } from './event-dispatcher.js';

export interface GossipParts {
  readonly side: Side;
  readonly config: Config;
  readonly node: string;
  readonly lamport: LogicalClock;
  readonly dispatcher: EventDispatcher;
  readonly logger: Logger;
  readonly clock: Clock;
}

const prefetch = 50;

export class Gossip {
  #parts: GossipParts;
  #consumer: SideConsumer;

  constructor(parts: GossipParts) {
    this.#parts = parts;
    const { side, config, logger, clock } = parts;
    const queue = `${config.tasks.event_exchange.slice(0, 200)}.${randomUUID()}`;
    const topology = eventQueue(config, { queue, patterns: ['worker.#'] });
    this.#consumer = side.openConsumer({
      queue,
      prefetch,
      declare: () => side.declarer.declare(topology),
      onDelivery: (delivery) => this.#take(delivery),
      logger,
      clock,
    });
  }

  start(): void {
    this.#consumer.start();
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }

  #take(delivery: Delivery): void {
    delivery.ack();
    if (delivery.properties.headers?.hostname === this.#parts.node) return;
    const decoded = decodeMonitoringEvents(delivery);
    if (decoded.ok) for (const event of decoded.events) this.#hear(event);
    else this.#parts.logger.debug('an event of another worker cannot be read', { problem: decoded.problem });
  }

  #hear({ type, hostname, clock, id }: MonitoringEvent): void {
    const { lamport, dispatcher, node, logger } = this.#parts;
    if (hostname === node || clock >= largestClock) return;
    lamport.adjust(clock);
    if (type === 'worker-elect') dispatcher.tell('worker-elect-ack', { id });
    if (type === 'worker-online' || type === 'worker-offline')
      logger.debug(type === 'worker-online' ? 'another worker is there' : 'another worker is gone', {
        worker: hostname,
      });
  }
}

/** Half of what a double counts exactly: a clock goes on from there, and must not stand still. */
const largestClock = 2 ** 52;
