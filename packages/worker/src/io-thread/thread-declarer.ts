/**
 * Declares through the I/O thread. What a message needs before it is written is a function, which cannot cross: it is
 * called once while this notes what it asks for, and the thread asks for the same before every write.
 */
import type { Declarer, Ensures, Topology } from '@celeriac/core';

import type { Link } from './link.js';

export interface Recorded {
  /** Keys of what is ensured, in order. */
  readonly keys: readonly string[];
  /** What is declared without a key. */
  readonly topologies: readonly Topology[];
  /** What the function returned: its own waiting, if it did not ask here. */
  readonly result: unknown;
}

export class ThreadDeclarer implements Ensures, Pick<Declarer, 'declare'> {
  #link: () => Link;
  #told = new Set<string>();
  #recording: { readonly keys: string[]; readonly topologies: Topology[] } | undefined;

  constructor(link: () => Link) {
    this.#link = link;
  }

  ensure(key: string, topology: () => Topology): Promise<void> | undefined {
    if (this.#recording === undefined) {
      return this.#link().request({ kind: 'ensure', key, topology: topology() });
    }
    if (!this.#told.has(key)) {
      this.#link().tell({ kind: 'topology', key, topology: topology() });
      this.#told.add(key);
    }
    this.#recording.keys.push(key);
    return undefined;
  }

  forget(key: string): void {
    this.#link().tell({ kind: 'forget', key });
  }

  declare(topology: Topology): Promise<void> {
    if (this.#recording === undefined) return this.#link().request({ kind: 'declare', topology });
    this.#recording.topologies.push(topology);
    return Promise.resolve();
  }

  /** What `ask` asks for; nothing is declared by it. */
  record(ask: () => unknown): Recorded {
    const recording = { keys: [], topologies: [] };
    this.#recording = recording;
    try {
      return { ...recording, result: ask() };
    } finally {
      this.#recording = undefined;
    }
  }

  /** Another thread, which was told nothing. */
  restarted(): void {
    this.#told.clear();
  }
}
