/**
 * A connection to a Redis server that never hangs and keeps nothing for later: every command settles within its time,
 * a lost connection is made again in the background, and what is in flight is bounded. The only file that loads
 * ioredis, and only when a connection is opened: what runs without Redis need not install it.
 */
import type { Redis } from 'ioredis';

import type { TlsSettings } from '../amqp/broker-endpoint.js';
import type { Clock } from '../clock.js';
import type { Logger } from '../logger.js';
import { backoffMs } from '../policy/backoff.js';
import type { RedisAddress } from './redis-address.js';
import { isReplicaReply, redisFailure, redisMissing, redisUnavailable } from './redis-error.js';
import type { RedisScript } from './redis-script.js';

export interface RedisConnectionOptions {
  /** Shown by CLIENT LIST, and in the log. */
  readonly name: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** How long connecting may take, milliseconds. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** How long a command may take, waiting for a connection included, milliseconds. Default 2000. */
  readonly commandTimeoutMs?: number;
  /** Of `rediss://`. */
  readonly tls?: TlsSettings | undefined;
}

/** Commands in flight at once; one more is refused. Bounds the memory while the server is silent. */
const mostInFlight = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

export class RedisConnection {
  readonly address: RedisAddress;
  /** The client itself, for what is not wrapped here. What it throws is ioredis' own: `failure` translates. */
  readonly client: Redis;
  #options: RedisConnectionOptions;
  #inFlight = 0;
  /** Monotonic; undefined while connected. */
  #downSince: number | undefined;
  #lastError: unknown;
  #waiting = new Set<() => void>();
  #isClosed = false;

  private constructor(address: RedisAddress, client: Redis, options: RedisConnectionOptions) {
    this.address = address;
    this.client = client;
    this.#options = options;
    this.#downSince = options.clock.monotonic();
    this.#watch();
  }

  /** Begins to connect; waits for nothing but the package. Rejects with ERR_REDIS_CLIENT when it is missing. */
  static async open(address: RedisAddress, options: RedisConnectionOptions): Promise<RedisConnection> {
    const { Redis: Client } = await import('ioredis').catch((cause: unknown) => {
      throw redisMissing(cause);
    });
    const { name, clock, connectTimeoutMs = 5000, commandTimeoutMs = 2000, tls } = options;
    const { hostname: host, port, database: db, username, password } = address;
    const client = new Client({
      host,
      port,
      db,
      username,
      password,
      connectionName: name.replace(/[^\x21-\x7e]/gu, '-'), // CLIENT SETNAME takes no blanks
      connectTimeout: connectTimeoutMs,
      commandTimeout: commandTimeoutMs,
      enableOfflineQueue: false, // unbounded
      autoResendUnfulfilledCommands: false, // whoever sent it was told that it failed
      maxRetriesPerRequest: 0,
      protocol: 2,
      retryStrategy: (attempt) =>
        backoffMs(attempt, {
          firstMs: firstPauseMs,
          longestMs: longestPauseMs,
          random: () => clock.random(),
        }),
      ...(address.isTls ? { tls: tlsOptions(address, tls) } : {}),
    });
    return new RedisConnection(address, client, options);
  }

  /** Resolves when it is connected; rejects with why it is not when the connect timeout has passed. */
  async ready(): Promise<void> {
    if (this.#downSince === undefined) return;
    await this.#connected(this.#options.connectTimeoutMs ?? 5000);
  }

  /** Runs a script with its keys and arguments. Rejects with ERR_REDIS_UNAVAILABLE or ERR_REDIS_REFUSED. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.command(async ({ client }) => {
      try {
        return await client.evalsha(script.digest, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return client.eval(script.text, keys.length, ...keys, ...args); // it was restarted, or is new
      }
    });
  }

  /**
   * Calls `send` once there is a connection, or rejects soon where there is none: a server that is gone costs the
   * command timeout once, not each time. Rejects with ERR_REDIS_UNAVAILABLE or ERR_REDIS_REFUSED.
   */
  async command<Reply>(send: (connection: this) => Promise<Reply>): Promise<Reply> {
    if (this.#inFlight >= mostInFlight)
      throw this.failure(new Error(`${mostInFlight} commands are in flight`));
    this.#inFlight++;
    try {
      const { clock, commandTimeoutMs = 2000 } = this.#options;
      if (this.#downSince !== undefined) {
        await this.#connected(this.#downSince + commandTimeoutMs - clock.monotonic());
      }
      return await send(this);
    } catch (error) {
      const isSilent = error instanceof Error && error.message === 'Command timed out';
      if (isSilent || isReplicaReply(error)) this.#reconnect();
      throw this.failure(error);
    } finally {
      this.#inFlight--;
    }
  }

  /** What a command rejected with, as an error of ours. */
  failure(error: unknown): Error {
    return isOwn(error) ? error : redisFailure(this.address, error);
  }

  /** What is in flight rejects. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.client.disconnect();
    this.#wake();
    return Promise.resolve();
  }

  #watch(): void {
    const { logger, clock, name } = this.#options;
    const where = { address: this.address.toString(), name };
    this.client.on('ready', () => {
      if (this.#lastError !== undefined) logger.info('connected to Redis again', where);
      this.#downSince = undefined;
      this.#lastError = undefined;
      this.#wake();
    });
    this.client.on('close', () => {
      this.#downSince ??= clock.monotonic();
    });
    this.client.on('error', (error: unknown) => {
      // Once per interruption: it is tried several times a second.
      if (this.#lastError === undefined && !this.#isClosed)
        logger.warn('no connection to Redis, trying on', { ...where, error: this.failure(error) });
      this.#lastError = error;
    });
  }

  /**
   * Where nothing came back, what is written to the connection would wait there without bound; and where the server is
   * a replica by now, its address may be that of the new primary already.
   */
  #reconnect(): void {
    if (this.#downSince !== undefined) return;
    this.#downSince = this.#options.clock.monotonic();
    this.client.disconnect(true);
  }

  async #connected(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#waiting.add(wake);
    if (this.#downSince !== undefined && !this.#isClosed)
      await clock.sleep(Math.max(0, withinMs), woken.signal);
    this.#waiting.delete(wake);
    if (this.#isClosed) throw redisUnavailable(this.address, 'the connection was closed');
    if (this.#downSince !== undefined) {
      throw redisUnavailable(this.address, 'there is no connection', this.#lastError);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

function isOwn(error: unknown): error is Error {
  return error instanceof Error && error.name === 'CeleriacError';
}

function tlsOptions({ hostname }: RedisAddress, tls: TlsSettings = {}): object {
  const { ca, cert, key, verify = true } = tls;
  return {
    servername: hostname,
    rejectUnauthorized: verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}
