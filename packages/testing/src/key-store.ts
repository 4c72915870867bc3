/** The key store of one test: in memory, by the test's own clock, and shared with no other test. */
import { type Clock, type KeyStoreSource, MemoryKeyStore } from '@celeriac/core';

export function ownKeyStore(clock: Clock): KeyStoreSource {
  const store = new MemoryKeyStore(clock);
  return { open: () => Promise.resolve(store), close: () => Promise.resolve() };
}
