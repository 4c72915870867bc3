/**
 * What amqplib does not tell: a close that arrives in one piece with the answer to opening is handled before anybody
 * can listen for it. Read off its inside. Changes nothing.
 */
import type { Duplex } from 'node:stream';

import type { Channel, ChannelModel } from 'amqplib';

/** Whether a connection has ended already. */
export function isClosed(model: ChannelModel): boolean {
  const { stream } = model.connection as unknown as { readonly stream: Duplex };
  return stream.writableEnded || stream.destroyed;
}

interface ChannelInside {
  readonly ch: number;
  readonly connection: { readonly channels: readonly ({ readonly channel: unknown } | null)[] };
}

/** Whether a channel has ended already: its connection no longer knows it under its number. */
export function isChannelClosed(channel: Channel): boolean {
  const { ch, connection } = channel as unknown as ChannelInside;
  return connection.channels[ch]?.channel !== channel;
}
