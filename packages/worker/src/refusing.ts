/**
 * Senders of a handler whose delivery may be lost: from then on they refuse to send, since the handler runs again
 * elsewhere, from the start. Decides nothing else.
 */
import type { EventSender, MessageSink } from '@celeriac/core';

import type { Cancellation } from './cancellation.js';

/** Throws ERR_DELIVERY_LOST when nothing that the handler does counts any more. */
export function refuseWhenLost({ lost }: Cancellation): void {
  if (lost !== undefined) throw lost as Error;
}

/** Refuses right before publishing: what was being prepared when the delivery was lost is not sent either. */
export function refusingSink(sink: MessageSink, cancellation: Cancellation): MessageSink {
  return {
    publish: async (message, options) => {
      refuseWhenLost(cancellation);
      return sink.publish(message, options);
    },
  };
}

export function refusingEvents(events: EventSender, cancellation: Cancellation): EventSender {
  const publishEvent = async (...args: Parameters<EventSender['publishEvent']>) => {
    refuseWhenLost(cancellation);
    return events.publishEvent(...args);
  };
  return { publishEvent: publishEvent as EventSender['publishEvent'] };
}
