/**
 * One handler's say over one event with `ack: 'manual'`: the handler is done when it says so, not when it returns.
 * Settles nothing: it only ends the handler's turn.
 */
import { type Logger, Reject, type RejectOptions } from '@celeriac/core';

import type { Cancellation } from '../cancellation.js';

/** What a handler that acknowledges by itself can say. The first call counts; later ones do nothing. */
export interface Acknowledging {
  /** The event is handled, whatever the handler does afterwards. */
  ack(): void;
  /** It cannot be handled: to the dead-letter queue, or with `requeue` back to the application's. */
  reject(reason?: string, options?: RejectOptions): void;
}

export class Acknowledgement implements Acknowledging {
  #isSaid = false;
  #said: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  constructor() {
    this.#said = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#said.catch(() => undefined); // it is heard below, or the handler has ended otherwise
  }

  ack(): void {
    this.#isSaid = true;
    this.#resolve();
  }

  reject(reason?: string, options?: RejectOptions): void {
    this.#isSaid = true;
    this.#reject(new Reject(reason, options));
  }

  /**
   * Resolves with `ack`; rejects with `reject`, with what the handler throws before either, or when it is told to stop
   * and has said nothing.
   */
  async heard(
    handler: () => unknown,
    { signal }: Pick<Cancellation, 'signal'>,
    logger: Logger,
  ): Promise<void> {
    const stopped = new AbortController();
    const told = new Promise<never>((_, reject) => {
      const stop = (): void => reject(signal.reason as Error);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true, signal: stopped.signal });
    });
    const failed = this.#running(handler, logger);
    try {
      await Promise.race([this.#said, failed, told]);
    } finally {
      stopped.abort();
      told.catch(() => undefined);
    }
  }

  /** Rejects with what it throws; never resolves. */
  async #running(handler: () => unknown, logger: Logger): Promise<never> {
    try {
      await handler();
    } catch (error) {
      if (!this.#isSaid) throw error;
      logger.warn('a handler failed after it had settled its event', { error });
    }
    return new Promise<never>(() => undefined);
  }
}
