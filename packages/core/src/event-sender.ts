/**
 * Publishes events: one CloudEvent per fact, on the topic exchange, routed to the queue of every application that
 * registered for it. Resolves when the broker has confirmed a persistent, routed message. Opens no connections.
 */
import type { Ensures } from './amqp/declare.js';
import type { Clock } from './clock.js';
import { type Duration, parseDuration } from './config/duration.js';
import type { Config } from './config/types.js';
import { type EventContract, isEventAction } from './contract/event.js';
import { CeleriacError } from './errors.js';
import type { EventMessage } from './message.js';
import type { MessageSink, SentMessage } from './ports.js';
import type { PreparedEvent } from './prepared.js';
import { encodeEvent } from './protocol/cloud-event.js';
import { eventType } from './protocol/event-type.js';

/** What happened to an object. */
export interface ObjectChange<Values> {
  /** The object's id. */
  readonly id: string | number;
  /** The object's values after the change. */
  readonly values?: Values;
  /** On updates: the values that changed, as they were before. */
  readonly originalValues?: Partial<Values>;
}

export interface PublishEventOptions {
  /** Default: a new UUIDv4. Unique per event and source (CloudEvents §3.1.1). */
  readonly id?: string;
  /** When it happened. Default: now. */
  readonly time?: Date;
  /** CloudEvents `subject`. Default: that of the object, `deal/7`; none for an event by its type. */
  readonly subject?: string;
  /** CloudEvents `dataschema`, an absolute URI. Default: that of the contract. */
  readonly dataSchema?: string;
  /** CloudEvents extension attributes: lower-case names, plain values. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** How long the broker may take to confirm. Default `tasks.publish_timeout`. */
  readonly timeout?: Duration;
  /**
   * True (the default) rejects with ERR_PUBLISH_UNROUTABLE when no registered application receives the event;
   * false lets the broker drop it then.
   */
  readonly mandatory?: boolean;
}

export interface EventSender {
  /**
   * Publishes what happened to an object; or, by type, an event whose data is anything. Rejects as
   * `TaskSender.send` does.
   */
  publishEvent<Values>(
    event: EventContract<Values, unknown>,
    change: ObjectChange<NoInfer<Values>>,
    options?: PublishEventOptions,
  ): Promise<SentMessage>;
  publishEvent(type: string, data: unknown, options?: PublishEventOptions): Promise<SentMessage>;
}

export interface EventSenderParts {
  readonly config: Config;
  readonly sink: MessageSink;
  readonly declarer: Ensures;
  readonly clock: Clock;
  readonly newId: () => string;
  /** CloudEvents `source`: the service. */
  readonly source: string;
}

export class BrokerEventSender implements EventSender {
  #parts: EventSenderParts;

  constructor(parts: EventSenderParts) {
    this.#parts = parts;
  }

  async publishEvent(
    event: EventContract | string,
    change: unknown,
    options: PublishEventOptions = {},
  ): Promise<SentMessage> {
    return this.publishPrepared(await prepareEvent(this.#parts, { event, change, options }), options);
  }

  /** Publishes what `prepareEvent` made. @internal */
  async publishPrepared(
    { id, name, mandatory, body, properties }: PreparedEvent,
    { timeout }: Pick<PublishEventOptions, 'timeout'> = {},
  ): Promise<SentMessage> {
    const { config, sink, declarer } = this.#parts;
    const { exchange } = config.events;
    const topology = () => ({
      exchanges: [{ name: exchange, type: 'topic' as const }],
      queues: [],
      bindings: [],
    });
    await sink.publish(
      {
        exchange,
        routingKey: name,
        body,
        properties,
        mandatory,
        prepare: () => declarer.ensure(`exchange ${exchange}`, topology),
      },
      timeout === undefined ? {} : { timeoutMs: parseDuration(timeout) * 1000 },
    );
    return { id, exchange, routingKey: name };
  }
}

/** What preparing an event needs: no connection. */
export type EventPreparationParts = Pick<EventSenderParts, 'config' | 'clock' | 'newId' | 'source'>;

export interface WantedEvent {
  readonly event: EventContract | string;
  readonly change: unknown;
  readonly options: PublishEventOptions;
}

/** Validates and encodes; publishes nothing. Rejects as `publishEvent` does before it publishes. */
export async function prepareEvent(
  parts: EventPreparationParts,
  { event, change, options }: WantedEvent,
): Promise<PreparedEvent> {
  const message =
    typeof event === 'string'
      ? eventMessage(parts, event, { options, details: { data: change } })
      : await objectMessage(parts, event, { options, change: change as ObjectChange<unknown> });
  const { id, type: name } = message;
  return { kind: 'event', id, name, mandatory: options.mandatory ?? true, ...encodeEvent(message) };
}

async function objectMessage(
  parts: EventPreparationParts,
  contract: EventContract,
  { change, options }: { change: ObjectChange<unknown>; options: PublishEventOptions },
): Promise<EventMessage> {
  const { object, action, dataSchema } = contract;
  if (!isEventAction(action)) throw notOneEvent(contract);
  const { id: objectId, values, originalValues } = change;
  if (contract.values !== undefined && (values !== undefined || action !== 'delete')) {
    const { checkedValues } = await import('./contract/validate.js');
    await checkedValues(contract, values);
  }
  const type = eventType(parts.config.events.routing_key, object, action);
  const data = {
    id: objectId,
    ...(values === undefined ? {} : { values }),
    ...(originalValues === undefined ? {} : { original_values: originalValues }),
  };
  const details = {
    object,
    action,
    objectId,
    data,
    ...(values === undefined ? {} : { values }),
    ...(dataSchema === undefined ? {} : { dataSchema }),
  };
  const more =
    originalValues === undefined ? {} : { originalValues: originalValues as Record<string, unknown> };
  return eventMessage(parts, type, { options, details: { ...details, ...more } });
}

function notOneEvent({ kind, object }: { readonly kind: string; readonly object: string }): CeleriacError {
  return new CeleriacError('ERR_INPUT_INVALID', {
    message: `What is published is one event of '${object}', not many (${kind}).`,
    hint: 'Pass created, updated, deleted or restored of what defineEvents returned.',
    values: { object },
  });
}

interface EventParts {
  readonly details: Omit<EventMessage, 'kind' | 'id' | 'type' | 'source' | 'extensions'>;
  readonly options: PublishEventOptions;
}

function eventMessage(
  { newId, source, clock }: EventPreparationParts,
  type: string,
  { details, options }: EventParts,
): EventMessage {
  return {
    kind: 'event',
    id: options.id ?? newId(),
    type,
    source,
    time: options.time?.getTime() ?? clock.now(),
    ...details,
    ...(options.subject === undefined ? {} : { subject: options.subject }),
    ...(options.dataSchema === undefined ? {} : { dataSchema: options.dataSchema }),
    extensions: options.extensions ?? {},
  };
}
