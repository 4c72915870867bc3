/** Opens the store of limits that workers share: the server of the key store. Connects to nothing where that is memory. */
import { systemClock } from '../clock.js';
import type { KeyStoreParts } from '../key-store/open.js';
import type { LimitStore } from './limit-store.js';

/** Undefined for `memory://`. Rejects with ERR_REDIS_CLIENT; waits for no connection. */
export async function openLimitStore({
  config,
  name,
  logger,
  tls,
}: Omit<KeyStoreParts, 'clock'>): Promise<LimitStore | undefined> {
  const { connection_string: address, command_timeout: timeout } = config;
  if (address === 'memory://') return undefined;
  const [{ RedisConnection }, { RedisLimitStore }] = await Promise.all([
    import('../redis/redis-connection.js'),
    import('./limit-store.js'),
  ]);
  const connection = await RedisConnection.open(address, {
    name,
    logger,
    clock: systemClock, // the network keeps the machine's time
    commandTimeoutMs: timeout * 1000,
    tls,
  });
  return new RedisLimitStore(connection);
}
