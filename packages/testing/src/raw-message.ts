/** Messages as a stranger might send them: any bytes, any headers. Checks nothing about their content. */
import type { MessageProperties } from '@celeriac/core';

import { overTheWire, type WireMessage } from './wire.js';

export interface RawMessage {
  readonly body: Buffer | string;
  /** Celery's headers are `task`, `id` and more; none for an event. */
  readonly headers?: Readonly<Record<string, unknown>>;
  /** Default `application/json`, and `application/cloudevents+json` for an application. */
  readonly contentType?: string;
  /** Default `utf-8`. */
  readonly contentEncoding?: string;
  /** The other properties. */
  readonly properties?: MessageProperties;
  /** Why the header table cannot be read: stands for one whose bytes are broken. */
  readonly headerError?: string;
  /** The queue it comes from. Default: the first task queue, or the application's. */
  readonly queue?: string;
  /** The application whose queue it comes from: it is read as an event then. */
  readonly application?: string;
  /** Default: the queue's name, or `''` for an event. */
  readonly routingKey?: string;
  /** True: the broker has delivered it before. Default false. */
  readonly redelivered?: boolean;
}

/** Throws ERR_NOT_SERIALIZABLE for headers that AMQP cannot carry. */
export function rawMessage(raw: RawMessage, target: { queue: string; exchange: string }): WireMessage {
  const isEvent = raw.application !== undefined;
  const properties = overTheWire({
    contentType: raw.contentType ?? (isEvent ? 'application/cloudevents+json' : 'application/json'),
    contentEncoding: raw.contentEncoding ?? 'utf-8',
    ...raw.properties,
    headers: raw.headers ?? {},
  });
  if (raw.headerError !== undefined) {
    properties.headerError = raw.headerError;
    properties.headers = {};
  }
  return {
    exchange: isEvent ? target.exchange : '',
    routingKey: raw.routingKey ?? (isEvent ? '' : target.queue),
    properties,
    body: Buffer.from(raw.body as string),
  };
}
