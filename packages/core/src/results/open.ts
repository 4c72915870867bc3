/** From the configuration to where results are written and read. Connects to nothing before it is used. */
import type { TlsSettings } from '../amqp/broker-endpoint.js';
import { type BrokerOptions, openSession, type Publishing, serviceName } from '../broker.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/types.js';
import type { Logger } from '../logger.js';
import type { MessageSink } from '../ports.js';
import { RedisConnection } from '../redis/redis-connection.js';
import { RedisStore } from './redis-store.js';
import { RedisWriter } from './redis-writer.js';
import type { ResultStore, ResultWriter } from './result-store.js';
import { RpcStore } from './rpc-store.js';
import { RpcWriter } from './rpc-writer.js';

export interface ResultStoreOptions extends BrokerOptions {
  readonly publishing: Publishing;
  readonly newId: () => string;
}

/** Where a publisher reads results; undefined without a `tasks.result_backend`. */
export function openResultStore(options: ResultStoreOptions): ResultStore | undefined {
  const { config, logger, clock, access, publishing, newId } = options;
  const backend = config.tasks.result_backend;
  switch (backend?.kind) {
    case undefined:
      return undefined;
    case 'rpc':
      return new RpcStore({
        config,
        logger,
        clock,
        publishing,
        newId,
        openSession: () =>
          openSession(options, {
            section: 'tasks',
            role: 'results',
            heartbeat: config.events.consumer_heartbeat,
          }),
      });
    case 'redis': {
      const { address } = backend;
      const name = `${serviceName(config)} results`;
      return new RedisStore({
        clock,
        logger,
        expiresMs: config.tasks.result_expires * 1000,
        open: (role) =>
          RedisConnection.open(address, { name: `${name} ${role}`, logger, clock, tls: access.tls }),
      });
    }
  }
}

export interface ResultWriterOptions {
  readonly config: Config;
  readonly sink: MessageSink;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tls: TlsSettings | undefined;
  /** Name of the worker. */
  readonly worker: string;
}

/** Where a worker writes results; undefined without a `tasks.result_backend`. Rejects with ERR_REDIS_CLIENT. */
export async function openResultWriter(options: ResultWriterOptions): Promise<ResultWriter | undefined> {
  const { config, sink, logger, clock, tls, worker } = options;
  const { result_backend: backend, result_expires: expires, result_extended: isExtended } = config.tasks;
  switch (backend?.kind) {
    case undefined:
      return undefined;
    case 'rpc':
      return new RpcWriter({ sink, clock, logger });
    case 'redis': {
      const name = `${serviceName(config)} results`;
      const redis = await RedisConnection.open(backend.address, { name, logger, clock, tls });
      const { max_message_size: maxBytes } = config.tasks;
      const extendedBy = isExtended ? worker : undefined;
      return new RedisWriter({ redis, clock, expiresMs: expires * 1000, maxBytes, extendedBy });
    }
  }
}
