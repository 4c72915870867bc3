/**
 * Keys in the memory of this process: for tests, and for a service that is one process. Bounded: beyond its size the
 * oldest key is forgotten, which can let something run twice, and never lets something not run.
 */
import type { Clock } from '../clock.js';
import type { Claim, ClaimAsk, Entry, Holder, KeyStore, Release } from './key-store.js';

interface ClaimRecord {
  state: 'free' | 'claimed' | 'done';
  owner: string;
  /** Monotonic. */
  until: number;
  fencing: number;
}

interface OrderRecord {
  number: number;
  latest: number;
  since: number | undefined;
}

interface Kept {
  readonly value: unknown;
  readonly expiresAt: number;
}

const defaultSize = 100_000;

export class MemoryKeyStore implements KeyStore {
  #clock: Clock;
  #size: number;
  #kept = new Map<string, Kept>();

  /** `size` is how many keys are kept at most. Default 100,000. */
  constructor(clock: Clock, { size = defaultSize }: { readonly size?: number } = {}) {
    this.#clock = clock;
    this.#size = size;
  }

  claim(key: string, { owner, leaseMs, windowMs, chain, attempt }: ClaimAsk): Promise<Claim> {
    const now = this.#clock.monotonic();
    const record = this.#claimOf(key);
    if (record?.state === 'done' && record.until > now) return Promise.resolve({ state: 'done' });
    const tried = this.#get<number>(`chain:${chain}`) ?? 0;
    if (attempt <= tried) return Promise.resolve({ state: 'retried' });
    const leftMs = othersLease(record, owner, now);
    if (leftMs > 0) return Promise.resolve({ state: 'held', leftMs });
    const fencing = Math.max((record?.fencing ?? 0) + 1, Math.floor(this.#clock.now()));
    this.#setClaim(key, { state: 'claimed', owner, until: now + leaseMs, fencing }, windowMs);
    return Promise.resolve({ state: 'claimed', fencing });
  }

  renew(key: string, { owner, leaseMs }: { owner: string; leaseMs: number }): Promise<boolean> {
    const now = this.#clock.monotonic();
    const record = this.#claimOf(key);
    const isDone = record?.state === 'done' && record.until > now;
    if (isDone || othersLease(record, owner, now) > 0) return Promise.resolve(false);
    const fencing = record?.fencing ?? Math.floor(this.#clock.now());
    this.#setClaim(key, { state: 'claimed', owner, until: now + leaseMs, fencing }, leaseMs);
    return Promise.resolve(true);
  }

  complete(key: string, { owner, windowMs }: { owner: string; windowMs: number }): Promise<boolean> {
    const now = this.#clock.monotonic();
    const record = this.#claimOf(key);
    const isOwn = othersLease(record, owner, now) === 0;
    const fencing = record?.fencing ?? 0;
    this.#setClaim(key, { state: 'done', owner: '', until: now + windowMs, fencing }, windowMs);
    return Promise.resolve(isOwn);
  }

  release(key: string, { owner, chain, retried, windowMs }: Release): Promise<void> {
    const record = this.#claimOf(key);
    if (record?.state === 'claimed' && record.owner === owner) record.state = 'free';
    const tried = this.#get<number>(`chain:${chain}`) ?? 0;
    if (retried === 0) this.#kept.delete(`chain:${chain}`);
    else if (retried !== undefined) this.#set(`chain:${chain}`, Math.max(tried, retried), windowMs);
    return Promise.resolve();
  }

  hold(key: string, { id, ttlMs }: { id: string; ttlMs: number }): Promise<Holder | undefined> {
    const holder = this.#get<Holder>(`hold:${key}`);
    if (holder !== undefined && holder.id !== id) return Promise.resolve(holder);
    this.#set(`hold:${key}`, holder ?? { id, isConfirmed: false }, ttlMs);
    return Promise.resolve(undefined);
  }

  confirm(key: string, { id, ttlMs }: { id: string; ttlMs: number }): Promise<boolean> {
    const isOwn = this.#get<Holder>(`hold:${key}`)?.id === id;
    if (isOwn) {
      this.#kept.delete(`hold:${key}`); // from now on for so long, be it shorter than before
      this.#set(`hold:${key}`, { id, isConfirmed: true }, ttlMs);
    }
    return Promise.resolve(isOwn);
  }

  holder(key: string): Promise<Holder | undefined> {
    return Promise.resolve(this.#get<Holder>(`hold:${key}`));
  }

  letGo(key: string, id: string): Promise<void> {
    if (this.#get<Holder>(`hold:${key}`)?.id === id) this.#kept.delete(`hold:${key}`);
    return Promise.resolve();
  }

  enter(key: string, ttlMs: number): Promise<Entry> {
    const now = Math.floor(this.#clock.now());
    const record = this.#get<OrderRecord>(`order:${key}`) ?? { number: 0, latest: 0, since: undefined };
    record.number = Math.max(record.number + 1, now);
    record.since ??= this.#clock.monotonic();
    this.#set(`order:${key}`, record, ttlMs);
    const ageMs = Math.floor(this.#clock.monotonic() - record.since);
    return Promise.resolve({ number: record.number, ageMs });
  }

  supersede(key: string, { number, ttlMs }: { number: number; ttlMs: number }): Promise<void> {
    const record = this.#get<OrderRecord>(`order:${key}`) ?? { number, latest: 0, since: undefined };
    record.latest = Math.max(record.latest, number);
    this.#set(`order:${key}`, record, ttlMs);
    return Promise.resolve();
  }

  begin(key: string, number: number): Promise<boolean> {
    const record = this.#get<OrderRecord>(`order:${key}`);
    if (record === undefined) return Promise.resolve(true);
    if (record.latest > number) return Promise.resolve(false);
    record.since = undefined;
    return Promise.resolve(true);
  }

  /** Keeps what it knows: others of this process may share it. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #claimOf(key: string): ClaimRecord | undefined {
    return this.#get<ClaimRecord>(`claim:${key}`);
  }

  #setClaim(key: string, record: ClaimRecord, forMs: number): void {
    this.#set(`claim:${key}`, record, Math.max(forMs, record.until - this.#clock.monotonic()));
  }

  #get<Value>(key: string): Value | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    if (kept.expiresAt > this.#clock.monotonic()) return kept.value as Value;
    this.#kept.delete(key);
    return undefined;
  }

  /** For so long at least: never for less than it was kept before. */
  #set(key: string, value: unknown, forMs: number): void {
    const expiresAt = Math.max(this.#clock.monotonic() + forMs, this.#kept.get(key)?.expiresAt ?? 0);
    this.#kept.delete(key); // to the end: the first ones are the oldest
    this.#kept.set(key, { value, expiresAt });
    if (this.#kept.size > this.#size) this.#sweep();
  }

  #sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, { expiresAt }] of this.#kept) if (expiresAt <= now) this.#kept.delete(key);
    const spare = this.#size * 0.9; // so that not every key that follows sweeps again
    for (const key of this.#kept.keys()) {
      if (this.#kept.size <= spare) return;
      this.#kept.delete(key);
    }
  }
}

/** What is left of it, milliseconds; 0 where nobody else has the claim. */
function othersLease(record: ClaimRecord | undefined, owner: string, now: number): number {
  if (record?.state !== 'claimed' || record.owner === owner) return 0;
  return Math.max(0, record.until - now);
}
