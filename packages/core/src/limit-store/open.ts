/** Opens the store of limits that workers share: the server of the key store. Connects to nothing where that is memory. */
import { connectKeyServer } from '../key-store/connect.js';
import type { KeyStoreParts } from '../key-store/connect.js';
import type { LimitStore } from './limit-store.js';

/** Undefined for `memory://`. Rejects with ERR_REDIS_CLIENT; waits for no connection. */
export async function openLimitStore(parts: Omit<KeyStoreParts, 'clock'>): Promise<LimitStore | undefined> {
  const connection = await connectKeyServer(parts);
  if (connection === undefined) return undefined;
  const { RedisLimitStore } = await import('./limit-store.js');
  return new RedisLimitStore(connection);
}
