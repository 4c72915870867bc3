/**
 * When to look into the outbox: at every poll, and at once when the database says that something was written. A
 * listener that is lost is opened again; until then polling goes on alone. Reads no rows.
 */
import { backoffMs, type Clock, errorText, type Logger } from '@celeriac/core';

import type { OutboxStore } from './ports.js';

export interface WakeUpParts {
  readonly store: OutboxStore<never>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class WakeUp {
  #parts: WakeUpParts;
  #rung = false;
  #ring: (() => void) | undefined;
  #stopped = new AbortController();
  #listening: Promise<void> | undefined;

  constructor(parts: WakeUpParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#listening ??= this.#listen();
  }

  /** Looks again at once, or as soon as the next wait begins. */
  readonly ring = (): void => {
    this.#rung = true;
    this.#ring?.();
  };

  /** Resolves after so long, or when something rings. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      const rung = new AbortController();
      this.#ring = () => rung.abort();
      await this.#parts.clock.sleep(ms, AbortSignal.any([rung.signal, this.#stopped.signal]));
      this.#ring = undefined;
    }
    this.#rung = false;
  }

  /** Ends every wait, and closes the listener. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const { store, clock, logger } = this.#parts;
    const { signal } = this.#stopped;
    for (let failures = 0; !signal.aborted && store.listen !== undefined;) {
      try {
        await this.#listenOnce(() => (failures = 0));
      } catch (error) {
        failures++;
        logger.warn('the outbox is polled only: its listener is gone', { error: errorText(error) });
      }
      const pause = backoffMs(failures, { firstMs: 1000, longestMs: 30_000, random: () => clock.random() });
      if (failures > 0) await clock.sleep(pause, signal);
    }
  }

  /** Resolves at the stop; rejects when the listener is lost. */
  async #listenOnce(opened: () => void): Promise<void> {
    const { signal } = this.#stopped;
    const { promise: lost, reject } = withReject();
    const opening = this.#parts.store.listen?.({ wake: this.ring, lost: reject });
    const stopped = aborted(signal);
    try {
      await Promise.race([opening, stopped]);
      opened();
      this.ring(); // for what was written before it listened
      await Promise.race([lost, stopped]);
    } finally {
      void opening?.then((close) => close()).catch(() => undefined); // lost or given up: nothing depends on it
    }
  }
}

function withReject(): { promise: Promise<never>; reject: (error: unknown) => void } {
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<never>((_, no) => {
    reject = no;
  });
  promise.catch(() => undefined); // it may be lost after the race is over
  return { promise, reject };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
