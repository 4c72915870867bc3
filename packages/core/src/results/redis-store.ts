/**
 * Reads results from Redis: subscribes to a task's channel, then reads its key, so that no wake-up is lost in between.
 * After an interruption it subscribes and reads again; and it reads again every few seconds while somebody waits, for
 * what a silent connection has swallowed. Interruptions are waited out: only the reader's own time ends a wait.
 *
 * Source: celery/backends/redis.py (`ResultConsumer`).
 */
import type { Clock, Timer } from '../clock.js';
import { CeleriacError } from '../errors.js';
import type { Logger } from '../logger.js';
import { decodeResult, isReady, type ResultRecord } from '../protocol/result.js';
import type { RedisConnection } from '../redis/redis-connection.js';
import type { ChordSizes } from './chord-store.js';
import { RedisChords } from './redis-chords.js';
import { idOfKey, resultKey } from './result-key.js';
import type { Replies, ResultStore } from './result-store.js';

export interface RedisStoreOptions {
  /** Opens a connection, at once or in the background. Called twice: commands, and subscriptions. */
  readonly open: (role: 'commands' | 'subscriptions') => Promise<RedisConnection>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long the counts of chords are kept, milliseconds; 0 keeps them for ever. */
  readonly expiresMs: number;
}

interface Waiter {
  readonly resolve: (record: ResultRecord) => void;
  readonly reject: (error: unknown) => void;
}

interface Connections {
  readonly commands: RedisConnection;
  readonly subscriptions: RedisConnection;
}

const lookAgainMs = 10_000;
const retryMs = 500;
/** Keys of one command. */
const batch = 500;

export class RedisStore implements ResultStore {
  readonly replies: Replies = {};
  readonly chords: ChordSizes;
  #options: RedisStoreOptions;
  #opening: Promise<Connections> | undefined;
  #waiting = new Map<string, Set<Waiter>>();
  #subscribed = new Set<string>();
  /** Ids whose subscription may have to change, until the next turn of the loop. */
  #touched = new Set<string>();
  #isFlushing = false;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(options: RedisStoreOptions) {
    this.#options = options;
    const redis = async (): Promise<RedisConnection> => (await this.#connections()).commands;
    this.chords = new RedisChords({ redis, expiresMs: options.expiresMs });
  }

  async read(id: string): Promise<ResultRecord | undefined> {
    const { commands } = await this.#connections();
    const text = await commands.command(({ client }) => client.get(resultKey(id)));
    return text === null ? undefined : { ...decodeResult(text, id), id };
  }

  wait(id: string, signal: AbortSignal): Promise<ResultRecord> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      if (this.#isClosed) throw closed();
      const finish = (settle: () => void): void => {
        signal.removeEventListener('abort', aborted);
        this.#remove(id, waiter);
        settle();
      };
      const waiter: Waiter = {
        resolve: (record) => finish(() => resolve(record)),
        reject: (error) => finish(() => reject(error)),
      };
      const aborted = (): void => waiter.reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      const waiters = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiters.add(waiter));
      this.#touch(id);
      // Only what will not pass by itself: the package is missing.
      this.#connections().catch((error: unknown) => waiter.reject(error));
    });
  }

  async forget(id: string): Promise<void> {
    const { commands } = await this.#connections();
    await commands.command(({ client }) => client.del(resultKey(id)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const waiters of [...this.#waiting.values()]) for (const one of [...waiters]) one.reject(closed());
    const connections = await this.#opening?.catch(() => undefined); // it never was open
    await Promise.all([connections?.commands.close(), connections?.subscriptions.close()]);
  }

  #connections(): Promise<Connections> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Connections> {
    const { open } = this.#options;
    const [commands, subscriptions] = await Promise.all([open('commands'), open('subscriptions')]);
    if (this.#isClosed) await Promise.all([commands.close(), subscriptions.close()]);
    const { client } = subscriptions;
    client.on('message', (channel: string, text: string) => this.#heard(idOfKey(channel), text));
    // Whatever was subscribed is not any more; what came in between is read.
    client.on('ready', () => {
      this.#subscribed.clear();
      for (const id of this.#waiting.keys()) this.#touch(id);
    });
    return { commands, subscriptions };
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(id);
    waiters?.delete(waiter);
    if (waiters?.size !== 0) return;
    this.#waiting.delete(id);
    this.#touch(id);
  }

  #touch(id: string): void {
    this.#touched.add(id);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Many at once: a thousand tasks cost a few commands. */
  async #flush(): Promise<void> {
    try {
      while (this.#touched.size > 0 && !this.#isClosed) {
        const ids = [...this.#touched].slice(0, batch);
        for (const id of ids) this.#touched.delete(id);
        await this.#subscribe(ids);
      }
    } catch (error) {
      this.#options.logger.debug('results cannot be read yet, trying on', { error });
      await this.#options.clock.sleep(retryMs);
      for (const id of this.#waiting.keys()) this.#touched.add(id);
    } finally {
      this.#isFlushing = false;
      const [next] = this.#touched;
      if (next !== undefined && !this.#isClosed) this.#touch(next);
      this.#lookLater();
    }
  }

  async #subscribe(ids: readonly string[]): Promise<void> {
    const { subscriptions } = await this.#connections();
    const wanted = ids.filter((id) => this.#waiting.has(id));
    const added = wanted.filter((id) => !this.#subscribed.has(id));
    const removed = ids.filter((id) => !this.#waiting.has(id) && this.#subscribed.has(id));
    if (added.length > 0) {
      await subscriptions.command(({ client }) => client.subscribe(...added.map(resultKey)));
      for (const id of added) this.#subscribed.add(id);
    }
    if (removed.length > 0) {
      for (const id of removed) this.#subscribed.delete(id);
      await subscriptions.command(({ client }) => client.unsubscribe(...removed.map(resultKey)));
    }
    await this.#look(wanted);
  }

  async #look(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const { commands } = await this.#connections();
    const found = await commands.command(({ client }) => client.mget(...ids.map(resultKey)));
    for (const [index, text] of found.entries()) if (text !== null) this.#heard(ids[index] as string, text);
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#waiting.size === 0 || this.#isClosed) return;
    this.#timer = this.#options.clock.after(
      lookAgainMs,
      () => {
        this.#timer = undefined;
        for (const id of this.#waiting.keys()) this.#touch(id);
      },
      { ref: false },
    );
  }

  #heard(id: string, text: string): void {
    const waiters = this.#waiting.get(id);
    if (waiters === undefined) return;
    try {
      const record = { ...decodeResult(text, id), id };
      if (isReady(record.status)) for (const { resolve } of [...waiters]) resolve(record);
    } catch (error) {
      for (const { reject } of [...waiters]) reject(error);
    }
  }
}

function closed(): CeleriacError {
  return new CeleriacError('ERR_CLOSED', { message: 'The publisher was closed while a result was awaited.' });
}
