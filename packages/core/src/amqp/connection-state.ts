/** What amqplib does not tell of a connection, read off its socket. Changes nothing. */
import type { Duplex } from 'node:stream';

import type { ChannelModel } from 'amqplib';

/** Whether it has ended already: a close that comes in one piece with open-ok is handled before anybody listens. */
export function isClosed(model: ChannelModel): boolean {
  const { stream } = model.connection as unknown as { readonly stream: Duplex };
  return stream.writableEnded || stream.destroyed;
}
