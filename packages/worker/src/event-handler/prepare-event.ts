/**
 * From a delivery to an event that can be handled: decodes it, finds the application's handlers for its routing
 * key, validates values against their contracts. Never throws and runs no handler.
 */
import {
  cameBy,
  CeleriacError,
  type Config,
  decodeEvent,
  type Delivery,
  type EventMessage,
  eventRetries,
  type Outcome,
  parseEventType,
  retryPolicy,
  type Validator,
} from '@celeriac/core';

import { Batcher, type BatcherParts, type BatchHandler } from '../batch.js';
import type { Cancellation } from '../cancellation.js';
import { type ContextParts, type EventContext, RunningEvent, withContext } from '../context.js';
import type { Prepare, Prepared, Work } from '../work.js';
import { ManualEvent } from './manual-event.js';
import type { Application, EventHandlerOptions, RegisteredEventHandler } from './application.js';

export interface PrepareEventParts {
  readonly application: Application;
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  /** The configured spellings of event types, from which object and action are read. */
  readonly templates: readonly string[];
  readonly config: Config['event_handler'];
  /** For handlers of batches. */
  readonly batching: Omit<BatcherParts, 'name'>;
}

type EventBatcher = Batcher<EventMessage, EventContext>;
type AllParts = PrepareEventParts & {
  readonly batcherOf: (handler: RegisteredEventHandler) => EventBatcher | undefined;
};

/** One for each handler of batches, made when its first event comes. */
function batchers({ application, batching }: PrepareEventParts): AllParts['batcherOf'] {
  const known = new Map<RegisteredEventHandler, EventBatcher>();
  return (registered) => {
    const { batch } = registered;
    if (batch === undefined) return undefined;
    const handler = registered.handler as unknown as BatchHandler<EventMessage, EventContext>;
    const made =
      known.get(registered) ?? new Batcher(batch, handler, { ...batching, name: application.name });
    known.set(registered, made);
    return made;
  };
}

/** A reader of event deliveries. */
export function eventPreparer(options: PrepareEventParts): Prepare {
  const parts = { ...options, batcherOf: batchers(options) };
  return (delivery) => {
    const decoded = decodeEvent(delivery);
    if (!decoded.ok) {
      const outcome: Outcome = { kind: 'malformed', reason: decoded.reason, error: decoded.error };
      return { outcome, id: delivery.properties.messageId, name: delivery.routingKey };
    }
    const event = { ...parseEventType(parts.templates, decoded.message.type), ...decoded.message };
    const handlers = parts.application.matching(cameBy(delivery).routingKey);
    if (handlers.length === 0)
      return ending(event, { kind: 'unknown', error: unhandled(event, delivery, parts) });
    return prepared(event, handlers, { delivery, parts });
  };
}

function ending(event: EventMessage, outcome: Outcome): Prepared {
  return { outcome, id: event.id, name: event.type };
}

async function prepared(
  event: EventMessage,
  handlers: readonly RegisteredEventHandler[],
  { delivery, parts }: { delivery: Delivery; parts: AllParts },
): Promise<Prepared> {
  const calls: HandlerCall[] = [];
  for (const registered of handlers) {
    const { contract } = registered;
    // What is deleted has no values any more, unless the publisher says what they were.
    const isGone = event.values === undefined && event.action === 'delete';
    const checked =
      contract === undefined || isGone
        ? { ok: true as const, value: event.values }
        : await parts.validator.checkValues(contract, event.values);
    if (!checked.ok) return ending(event, { kind: 'invalid', error: checked.error });
    calls.push({
      registered,
      event: checked.value === event.values ? event : { ...event, values: checked.value },
    });
  }
  return { work: eventWork(event, calls, { delivery, parts }) };
}

interface HandlerCall {
  readonly registered: RegisteredEventHandler;
  /** With the values as this handler's contract parses them. */
  readonly event: EventMessage;
}

/** All handlers, one after the other. The one that fails decides about another attempt, which runs all of them. */
function eventWork(
  event: EventMessage,
  calls: readonly HandlerCall[],
  { delivery, parts }: { delivery: Delivery; parts: AllParts },
): Work {
  const { application, contextParts, config } = parts;
  const { soft_time_limit: softTimeLimit, retry } = config;
  let last: EventHandlerOptions = {};
  return {
    id: event.id,
    name: event.type,
    input: event,
    softLimitMs: softTimeLimit === undefined ? undefined : softTimeLimit * 1000,
    onLost: config.on_lost,
    retries: eventRetries(delivery.properties),
    get policy() {
      return retryPolicy(retry, [last.retry], last.retryIf !== undefined);
    },
    get retryIf() {
      return last.retryIf;
    },
    run: (cancellation: Cancellation, fencing?: number) => {
      const received = { delivery, cancellation, fencing, application: application.name };
      const context = new RunningEvent(event, received, contextParts);
      return withContext(context, async () => {
        for (const call of calls) {
          last = call.registered.options;
          const batcher = parts.batcherOf(call.registered);
          if (batcher !== undefined) await batcher.add(call.event, context, cancellation);
          else if (last.ack !== 'manual') await call.registered.handler(call.event, context);
          else await acknowledged(call, new ManualEvent(event, received, contextParts));
        }
      });
    },
  };
}

/** The handler says when it is done. */
function acknowledged({ registered, event }: HandlerCall, context: ManualEvent): Promise<void> {
  return context.heard(() => registered.handler(event, context));
}

function unhandled(
  event: EventMessage,
  delivery: Delivery,
  { application }: PrepareEventParts,
): CeleriacError {
  const { routingKey } = cameBy(delivery);
  return new CeleriacError('ERR_EVENT_UNHANDLED', {
    message: `The application '${application.name}' has no handler for '${routingKey}', though its queue is bound to it.`,
    hint: `Add a handler, or remove the binding: celeriac applications register ${application.name} with its patterns.`,
    values: { application: application.name, routingKey, id: event.id },
  });
}
