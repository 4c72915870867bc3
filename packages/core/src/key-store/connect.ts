/** The connection to the server of keys and of limits that workers share. Loads nothing of Redis where that is memory. */
import type { TlsSettings } from '../amqp/broker-endpoint.js';
import { type Clock, systemClock } from '../clock.js';
import type { KeyStoreConfig } from '../config/types.js';
import type { Logger } from '../logger.js';
import type { RedisConnection } from '../redis/redis-connection.js';

export interface KeyStoreParts {
  readonly config: KeyStoreConfig;
  /** Who connects, for CLIENT LIST and the log. */
  readonly name: string;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tls?: TlsSettings | undefined;
}

/** Undefined for `memory://`. Rejects with ERR_REDIS_CLIENT; waits for no connection. */
export async function connectKeyServer({
  config,
  name,
  logger,
  tls,
}: Omit<KeyStoreParts, 'clock'>): Promise<RedisConnection | undefined> {
  const { connection_string: address, command_timeout: timeout } = config;
  if (address === 'memory://') return undefined;
  const { RedisConnection: Connection } = await import('../redis/redis-connection.js');
  return Connection.open(address, {
    name,
    logger,
    clock: systemClock, // the network keeps the machine's time
    commandTimeoutMs: timeout * 1000,
    tls,
  });
}
