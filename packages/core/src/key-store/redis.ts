/**
 * Keys in a Redis server (5 or later, not a cluster): for everything that is more than one process. Each step is one
 * script, so that no crash leaves half of it. What the server forgets is forgotten: without persistence, all of it
 * when it restarts.
 */
import type { RedisConnection } from '../redis/redis-connection.js';
import type { Claim, ClaimAsk, Entry, Holder, KeyStore, Release } from './key-store.js';
import {
  beginScript,
  claimScript,
  completeScript,
  confirmScript,
  enterScript,
  holdScript,
  letGoScript,
  releaseScript,
  renewScript,
  supersedeScript,
} from './redis-scripts.js';

const prefix = 'celeriac:';
const claimKey = (key: string): string => `${prefix}claim:${key}`;
const chainKey = (chain: string): string => `${prefix}chain:${chain}`;
const holdKey = (key: string): string => `${prefix}hold:${key}`;
const orderKey = (key: string): string => `${prefix}order:${key}`;
const whole = (ms: number): number => Math.max(1, Math.round(ms));

export class RedisKeyStore implements KeyStore {
  #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  async claim(key: string, { owner, leaseMs, windowMs, chain, attempt }: ClaimAsk): Promise<Claim> {
    const args = [owner, whole(leaseMs), whole(windowMs), attempt];
    const reply = await this.#redis.run(claimScript, [claimKey(key), chainKey(chain)], args);
    const [state, number] = reply as [Claim['state'], number];
    switch (state) {
      case 'claimed':
        return { state, fencing: number };
      case 'held':
        return { state, leftMs: number };
      case 'done':
      case 'retried':
        return { state };
    }
  }

  async renew(key: string, { owner, leaseMs }: { owner: string; leaseMs: number }): Promise<boolean> {
    return (await this.#redis.run(renewScript, [claimKey(key)], [owner, whole(leaseMs)])) === 1;
  }

  async complete(key: string, { owner, windowMs }: { owner: string; windowMs: number }): Promise<boolean> {
    return (await this.#redis.run(completeScript, [claimKey(key)], [owner, whole(windowMs)])) === 1;
  }

  async release(key: string, { owner, chain, retried = -1, windowMs }: Release): Promise<void> {
    const args = [owner, retried, whole(windowMs)];
    await this.#redis.run(releaseScript, [claimKey(key), chainKey(chain)], args);
  }

  async hold(key: string, { id, ttlMs }: { id: string; ttlMs: number }): Promise<Holder | undefined> {
    return holderOf(await this.#redis.run(holdScript, [holdKey(key)], [id, whole(ttlMs)]));
  }

  async confirm(key: string, { id, ttlMs }: { id: string; ttlMs: number }): Promise<boolean> {
    return (await this.#redis.run(confirmScript, [holdKey(key)], [id, whole(ttlMs)])) === 1;
  }

  async holder(key: string): Promise<Holder | undefined> {
    return holderOf(await this.#redis.command(({ client }) => client.hmget(holdKey(key), 'id', 'confirmed')));
  }

  async letGo(key: string, id: string): Promise<void> {
    await this.#redis.run(letGoScript, [holdKey(key)], [id]);
  }

  async enter(key: string, ttlMs: number): Promise<Entry> {
    const reply = await this.#redis.run(enterScript, [orderKey(key)], [whole(ttlMs)]);
    const [number, ageMs] = reply as [number, number];
    return { number, ageMs };
  }

  async supersede(key: string, { number, ttlMs }: { number: number; ttlMs: number }): Promise<void> {
    await this.#redis.run(supersedeScript, [orderKey(key)], [number, whole(ttlMs)]);
  }

  async begin(key: string, number: number): Promise<boolean> {
    return (await this.#redis.run(beginScript, [orderKey(key)], [number])) === 1;
  }

  close(): Promise<void> {
    return this.#redis.close();
  }
}

function holderOf(reply: unknown): Holder | undefined {
  const [id, confirmed] = reply as [string | null | undefined, string | null | undefined];
  return typeof id === 'string' ? { id, isConfirmed: confirmed === '1' } : undefined;
}
