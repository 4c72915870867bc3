/**
 * The key store that is configured, opened when something first needs it: what never does, connects to nothing and
 * loads nothing. `memory://` is one store for everything in this process that has the same clock.
 */
import type { Clock } from '../clock.js';
import { connectKeyServer, type KeyStoreParts } from './connect.js';
import type { KeyStore } from './key-store.js';
import { MemoryKeyStore } from './memory.js';

/** What opens it. A port for those who bring their own. */
export interface KeyStoreSource<Store = KeyStore> {
  /** The same store every time. Rejects with ERR_REDIS_CLIENT; waits for no connection. */
  open(): Promise<Store>;
  /** Idempotent; never rejects. */
  close(): Promise<void>;
}

const inMemory = new WeakMap<Clock, MemoryKeyStore>();

export function keyStoreSource(parts: KeyStoreParts): KeyStoreSource {
  let opened: Promise<KeyStore> | undefined;
  return {
    open: () => {
      const opening = (opened ??= openKeyStore(parts));
      opening.catch(() => {
        if (opened === opening) opened = undefined;
      });
      return opening;
    },
    close: async () => {
      const store = await opened?.catch(() => undefined); // it could not be opened: whoever asked was told
      await store?.close();
    },
  };
}

async function openKeyStore(parts: KeyStoreParts): Promise<KeyStore> {
  const connection = await connectKeyServer(parts);
  if (connection === undefined) return memoryStore(parts.clock);
  const { RedisKeyStore } = await import('./redis.js');
  return new RedisKeyStore(connection);
}

function memoryStore(clock: Clock): MemoryKeyStore {
  const store = inMemory.get(clock) ?? new MemoryKeyStore(clock);
  inMemory.set(clock, store);
  return store;
}
