/**
 * What a virtual host holds, as plain data for those who look: in the words of RabbitMQ's management API. Changes
 * nothing, and hands out nothing that could.
 */
import { readProperties, type ReceivedProperties } from '@celeriac/core';

import type { Destination } from './exchange.js';
import type { Queue } from './queue.js';
import type { Vhost } from './vhost.js';

type Table = Readonly<Record<string, unknown>>;

export interface QueueDescription {
  readonly name: string;
  readonly vhost: string;
  readonly type: 'classic' | 'quorum';
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Table;
  readonly state: 'running';
  /** Waiting and in clients' hands. */
  readonly messages: number;
  readonly messagesReady: number;
  readonly messagesUnacknowledged: number;
  /** Bytes of the bodies that wait. */
  readonly messageBytesReady: number;
  readonly consumers: number;
  /** Tag of the one that is sent messages, where only one is. */
  readonly singleActiveConsumerTag: string | undefined;
}

export interface ExchangeDescription {
  readonly name: string;
  readonly vhost: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Table;
}

export interface BindingDescription {
  readonly source: string;
  readonly vhost: string;
  readonly destination: string;
  readonly destinationType: Destination['kind'];
  readonly routingKey: string;
  readonly arguments: Table;
}

export interface ConsumerDescription {
  readonly queue: string;
  readonly vhost: string;
  readonly consumerTag: string;
  readonly channel: number | undefined;
  readonly ackRequired: boolean;
  readonly exclusive: boolean;
  /** False for one that waits for its turn as the single active consumer. */
  readonly active: boolean;
  readonly prefetchCount: number;
  readonly priority: number;
  readonly arguments: Table;
}

/** A message that waits. Looking at it takes nothing away. */
export interface MessageDescription {
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: ReceivedProperties;
  readonly body: Buffer;
}

/** The messages that wait in a queue, next first; none where there is no such queue. */
export function describeMessages(vhost: Vhost, name: string): MessageDescription[] {
  return [...(vhost.find(name)?.waiting ?? [])].map(({ message, redelivered }) => ({
    exchange: message.exchange,
    routingKey: message.routingKey,
    redelivered,
    properties: readProperties(message.properties.raw, 0),
    body: Buffer.from(message.body),
  }));
}

export function describeQueues(vhost: Vhost): QueueDescription[] {
  return [...vhost.queues].map((queue) => describeQueue(queue));
}

function describeQueue(queue: Queue): QueueDescription {
  const { options, messageCount, unackedCount, consumers } = queue;
  return {
    name: options.name,
    vhost: options.vhost,
    type: options.settings.type,
    durable: options.durable,
    exclusive: options.owner !== undefined,
    autoDelete: options.autoDelete,
    arguments: { ...options.arguments },
    state: 'running',
    messages: messageCount + unackedCount,
    messagesReady: messageCount,
    messagesUnacknowledged: unackedCount,
    messageBytesReady: queue.messageBytes,
    consumers: consumers.size,
    singleActiveConsumerTag: consumers.singleActive?.tag,
  };
}

export function describeExchanges(vhost: Vhost): ExchangeDescription[] {
  return [...vhost.exchanges].map(({ options }) => ({
    ...options,
    vhost: vhost.name,
    arguments: { ...options.arguments },
  }));
}

export function describeBindings(vhost: Vhost): BindingDescription[] {
  return [...vhost.exchanges].flatMap((exchange) =>
    [...exchange.bindings].map(({ destination, routingKey, arguments: args }) => ({
      source: exchange.name,
      vhost: vhost.name,
      destination: destination.name,
      destinationType: destination.kind,
      routingKey,
      arguments: { ...args },
    })),
  );
}

export function describeConsumers(vhost: Vhost): ConsumerDescription[] {
  return [...vhost.queues].flatMap((queue) =>
    [...queue.consumers].map((consumer) => ({
      queue: queue.name,
      vhost: vhost.name,
      consumerTag: consumer.tag,
      channel: consumer.details?.channel,
      ackRequired: consumer.details?.noAck !== true,
      exclusive: consumer.exclusive,
      active: queue.consumers.isActive(consumer),
      prefetchCount: consumer.details?.prefetch ?? 0,
      priority: consumer.priority,
      arguments: { ...consumer.details?.arguments },
    })),
  );
}
