/**
 * A message for the other queue of a move: body and properties byte for byte, unless something has to change. How it
 * came by an exchange is written on it, as on any copy: the handler of an event is found by that. Pure.
 */
import type { ReceivedProperties } from '../amqp/frame-reader.js';
import type { Carried } from '../amqp/queue-drain.js';
import type { HeaderTable, OutgoingMessage } from '../ports.js';
import { byExchange } from '../protocol/again.js';
import { copiedProperties } from '../protocol/copied-properties.js';

export function movedMessage(message: Carried, to: string): OutgoingMessage {
  const { properties, body } = message;
  const added = byExchange(message);
  const wire = asItIs(properties, added);
  // What the broker returns is known by its id; one that has none is looked for by this word.
  return {
    exchange: '',
    routingKey: to,
    body,
    ...(wire === undefined
      ? { properties: withHeaders(properties, added) }
      : {
          properties: { messageId: properties.messageId ?? String(undefined) },
          encodedProperties: wire,
        }),
  };
}

/** Undefined where something has to change: what is added, what the broker would act on, whom it would not believe. */
function asItIs(
  { wire, headers, userId, headerError }: ReceivedProperties,
  added: HeaderTable,
): string | undefined {
  if (wire === undefined) return undefined;
  // A table that nobody can read cannot be written again either.
  if (headerError !== undefined) return wire.toString('latin1');
  const isChanged =
    Object.keys(added).length > 0 || 'CC' in headers || 'BCC' in headers || userId !== undefined;
  return isChanged ? undefined : wire.toString('latin1');
}

/** Those that CC named have had their copies. */
function withHeaders(properties: ReceivedProperties, added: HeaderTable): OutgoingMessage['properties'] {
  const { CC: _cc, BCC: _bcc, ...headers } = properties.headers;
  const { expiration } = properties;
  const expires = expiration === undefined ? {} : { expiration };
  return { ...copiedProperties(properties), ...expires, headers: { ...headers, ...added } };
}
