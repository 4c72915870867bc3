/**
 * Hears the events of workers and senders, Celery's and ours: over a connection and a passing queue of its own, for as
 * long as it is open, also after a lost connection. Keeps none of them, and changes nothing on any worker.
 */
import { randomUUID } from 'node:crypto';

import { Consumer } from '../amqp/consumer.js';
import { Declarer } from '../amqp/declare.js';
import { brokerAccess, openSession } from '../broker.js';
import { type Clock, systemClock } from '../clock.js';
import { type ConfigSource, loadConfig } from '../config/load.js';
import type { Config } from '../config/types.js';
import type { ConfigInput } from '../config/input.js';
import { guarded, type Logger, silentLogger } from '../logger.js';
import { matchesGlob } from '../policy/routing.js';
import type { Delivery } from '../ports.js';
import { decodeMonitoringEvents, type MonitoringEvent } from '../protocol/monitoring-events.js';
import { eventQueue } from './topology.js';

export interface EventReceiverOptions {
  /** Called with every event, in the order of arrival. What it throws is logged. */
  readonly onEvent: (event: MonitoringEvent) => void;
  /** Only these types: `task-failed`, or a pattern such as `worker-*`. Default: all. */
  readonly types?: readonly string[] | undefined;
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface EventReceiver extends AsyncDisposable {
  close(): Promise<void>;
}

/** Deliveries that the broker sends ahead: what is in memory is bounded by it. */
const prefetch = 500;

/**
 * Resolves when events are heard; before that nobody kept them. Rejects with ERR_CONFIG_… or ERR_CONNECTION_STRING for a bad
 * configuration, and with why the broker refuses it.
 */
export async function openEventReceiver(options: EventReceiverOptions): Promise<EventReceiver> {
  const { config: source = {}, env, overrides, clock = systemClock } = options;
  const config = await loadConfig(source, { env, overrides });
  const logger = guarded(options.logger ?? silentLogger);
  const access = await brokerAccess(config, logger);
  const { consumer_heartbeat: heartbeat } = config.events;
  const session = openSession(
    { config, logger, clock, access },
    { section: 'tasks', role: 'events', heartbeat },
  );
  const consumer = consumerOf(options, { config, logger, clock, session });
  const close = async (): Promise<void> => {
    const closed = consumer.close();
    await session.close();
    await closed;
  };
  try {
    await session.ready({ timeoutMs: readyMs });
    await subscribed(consumer);
  } catch (error) {
    await close();
    throw error;
  }
  return { close, [Symbol.asyncDispose]: close };
}

const readyMs = 30_000;

interface ConsumerParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly session: ReturnType<typeof openSession>;
}

function consumerOf(options: EventReceiverOptions, parts: ConsumerParts): Consumer {
  const { config, session, logger, clock } = parts;
  const queue = `${config.tasks.event_exchange.slice(0, 200)}.${randomUUID()}`;
  const topology = eventQueue(config, { queue, patterns: patternsOf(options.types) });
  const declarer = new Declarer({ session, logger, clock, create: config.tasks.declare_queues });
  return new Consumer({
    ...{ session, queue, prefetch, logger, clock },
    declare: () => declarer.declare(topology),
    onDelivery: (delivery) => hear(delivery, options, logger),
  });
}

/** Task events come together, whatever their types: they are told apart here. */
function patternsOf(types: readonly string[] | undefined): readonly string[] {
  const groups = types?.map((type) => /^(task|worker)-/u.exec(type)?.[1]);
  if (groups === undefined || groups.includes(undefined)) return ['#'];
  return [...new Set(groups)].map((group) => `${group ?? ''}.#`);
}

function hear(delivery: Delivery, { onEvent, types }: EventReceiverOptions, logger: Logger): void {
  delivery.ack();
  const decoded = decodeMonitoringEvents(delivery);
  if (!decoded.ok) {
    logger.debug('an event cannot be read, and is left out', { problem: decoded.problem });
    return;
  }
  for (const event of decoded.events) {
    if (types !== undefined && !types.some((pattern) => matchesGlob(pattern, event.type))) continue;
    try {
      onEvent(event);
    } catch (error) {
      logger.error('whoever hears events threw', { type: event.type, error });
    }
  }
}

/** The first time. */
async function subscribed(consumer: Consumer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    consumer.events.once('subscribed', resolve);
    consumer.events.once('failed', reject);
    consumer.start();
  });
}
