/** Messages to publish, for tests. No broker. */
import type { OutgoingMessage } from '../../../dist/ports.js';

/** A message for the queue `q`, named `id`, whose body is its id unless `more` says otherwise. */
export function outgoing(id: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { exchange: '', routingKey: 'q', body: Buffer.from(id), properties: { messageId: id }, ...more };
}
