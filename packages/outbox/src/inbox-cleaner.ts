/** Forgets old keys of an inbox now and then, in the background. Several may run at once. */
import {
  type Clock,
  type Duration,
  guarded,
  type Logger,
  silentLogger,
  systemClock,
  waitAtMost,
} from '@celeriac/core';

import type { Inbox } from './inbox.js';
import { milliseconds } from './relay-options.js';
import { storeFailed } from './store-error.js';

export interface InboxCleanerOptions {
  readonly inbox: Pick<Inbox<never, never>, 'cleanUp'>;
  /** Keys younger than that stay. Default 30 days. */
  readonly keep?: Duration;
  /** Default 10 min. */
  readonly every?: Duration;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

export class InboxCleaner implements AsyncDisposable {
  readonly #options: InboxCleanerOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #everyMs: number;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** Throws ERR_INPUT_INVALID for a duration that is none. */
  constructor(options: InboxCleanerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#logger = guarded(options.logger ?? silentLogger);
    this.#everyMs = milliseconds(options.every ?? '10m');
    milliseconds(this.#keep);
  }

  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** Ends between two statements; waits for the one under way, for 5 s at most. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#running !== undefined) await waitAtMost(this.#clock, 5000, this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #keep(): Duration {
    return this.#options.keep ?? '30d';
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const forgotten = await this.#options.inbox.cleanUp({ keep: this.#keep }, signal);
        if (forgotten > 0) this.#logger.debug('the inbox was cleaned up', { forgotten });
      } catch (error) {
        // The next time will do: keys that stay longer do no harm.
        this.#logger.warn('the inbox was not cleaned up', { error: storeFailed('forget old keys', error) });
      }
      await this.#clock.sleep(this.#everyMs, signal);
    }
  }
}
