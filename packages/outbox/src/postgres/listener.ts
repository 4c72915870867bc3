/** LISTEN on a connection of its own. Reads no rows and keeps no state. */
import type { Waker } from '../ports.js';
import { identifier } from './names.js';
import type { PgListener } from './queryable.js';

export interface ListenParts {
  readonly open: () => Promise<PgListener>;
  readonly waker: Waker;
}

/** Resolves when it listens, with what ends it. Rejects when the connection cannot be had. */
export async function listenTo(channel: string, { open, waker }: ListenParts): Promise<() => Promise<void>> {
  const client = await open();
  let isOver = false;
  const close = async (error?: Error): Promise<void> => {
    if (isOver) return;
    isOver = true;
    // Not back into the pool: it would go on listening there.
    if (client.release !== undefined) client.release(error ?? true);
    else await client.end?.();
  };
  const lost = (error: Error): void => {
    if (isOver) return;
    void close(error).catch(() => undefined); // it is lost already
    waker.lost(error);
  };
  client.on('notification', (message) => {
    if (message.channel === channel) waker.wake();
  });
  client.on('error', lost);
  client.on('end', () => lost(new Error('the connection has ended')));
  try {
    await client.query(`LISTEN ${identifier(channel)}`);
  } catch (error) {
    await close(error as Error).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  return () => close();
}
