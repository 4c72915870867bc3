/**
 * From a delivery to an event that can be handled: decodes it, finds the application's handlers for its routing
 * key, validates values against their contracts. Never throws and runs no handler.
 */
import {
  CeleriacError,
  decodeEvent,
  type Delivery,
  type EventMessage,
  type Outcome,
  parseEventType,
  type Validator,
} from '@celeriac/core';

import type { Cancellation } from '../cancellation.js';
import { type ContextParts, RunningEvent, withContext } from '../context.js';
import type { Prepare, Prepared } from '../work.js';
import type { Application, RegisteredEventHandler } from './application.js';

export interface PrepareEventParts {
  readonly application: Application;
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  /** The configured pattern of event types, from which object and action are read. */
  readonly typePattern: string;
  /** Seconds. */
  readonly softTimeLimit: number | undefined;
}

/** A reader of event deliveries. */
export function eventPreparer(parts: PrepareEventParts): Prepare {
  return (delivery) => {
    const decoded = decodeEvent(delivery);
    if (!decoded.ok) {
      const outcome: Outcome = { kind: 'malformed', reason: decoded.reason, error: decoded.error };
      return { outcome, id: delivery.properties.messageId, name: delivery.routingKey };
    }
    const event = { ...parseEventType(parts.typePattern, decoded.message.type), ...decoded.message };
    const handlers = parts.application.matching(delivery.routingKey);
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
  { delivery, parts }: { delivery: Delivery; parts: PrepareEventParts },
): Promise<Prepared> {
  const calls: { handler: RegisteredEventHandler['handler']; event: EventMessage }[] = [];
  for (const { contract, handler } of handlers) {
    const checked =
      contract === undefined
        ? { ok: true as const, value: event.values }
        : await parts.validator.checkValues(contract, event.values);
    if (!checked.ok) return ending(event, { kind: 'invalid', error: checked.error });
    calls.push({
      handler,
      event: checked.value === event.values ? event : { ...event, values: checked.value },
    });
  }
  const { application, contextParts, softTimeLimit } = parts;
  return {
    work: {
      id: event.id,
      name: event.type,
      softLimitMs: softTimeLimit === undefined ? undefined : softTimeLimit * 1000,
      run: (cancellation: Cancellation) => {
        const context = new RunningEvent(
          event,
          { delivery, cancellation, application: application.name },
          contextParts,
        );
        return withContext(context, async () => {
          for (const call of calls) await call.handler(call.event, context);
        });
      },
    },
  };
}

function unhandled(
  event: EventMessage,
  { routingKey }: Delivery,
  { application }: PrepareEventParts,
): CeleriacError {
  return new CeleriacError('ERR_EVENT_UNHANDLED', {
    message: `The application '${application.name}' has no handler for '${routingKey}', though its queue is bound to it.`,
    hint: `Add a handler, or remove the binding: celeriac applications register ${application.name} with its patterns.`,
    values: { application: application.name, routingKey, id: event.id },
  });
}
