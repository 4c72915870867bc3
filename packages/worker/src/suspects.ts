/**
 * Messages that were delivered so often without an end that they may be what ends the process. They run one at a time:
 * two in hand would be counted together each time, and the innocent one would be dead-lettered with the other.
 */
import type { Clock, DeliveryCount } from '@celeriac/core';

export interface PauseParts {
  readonly clock: Clock;
  /** Fires when nothing is waited for any more. */
  readonly stopping: AbortSignal;
}

export interface Suspicion {
  /** True while another one runs: this one has to go elsewhere. */
  readonly isCrowded: boolean;
  /** To be awaited before it is started: others that are in hand have been moved out of danger by then. */
  readonly pause: (parts: PauseParts) => Promise<void> | undefined;
  /** To be called when it is settled. */
  readonly release: () => void;
}

/** Until others that came with it have been looked at. */
const pauseMs = 500;
const longestPauseMs = 10_000;
const innocent: Suspicion = { isCrowded: false, pause: () => undefined, release: () => undefined };

export class Suspects {
  #isTaken = false;
  #leaving = 0;

  take({ before, kept, limit }: DeliveryCount & { readonly limit: number }): Suspicion {
    if (limit === 0 || before < suspectedFrom(limit)) return innocent;
    // These go elsewhere at once and end no process: while they held the place, others would wait for nothing.
    if (before > limit || !kept) return innocent;
    if (this.#isTaken) {
      this.#leaving++;
      return { ...innocent, isCrowded: true, release: () => this.#leaving-- };
    }
    this.#isTaken = true;
    return {
      isCrowded: false,
      pause: (parts) => this.#pause(parts),
      release: () => (this.#isTaken = false),
    };
  }

  async #pause({ clock, stopping }: PauseParts): Promise<void> {
    const end = clock.monotonic() + longestPauseMs;
    do {
      await clock.sleep(pauseMs, stopping);
    } while (this.#leaving > 0 && clock.monotonic() < end && !stopping.aborted);
  }
}

/** A lost connection or two are no reason yet. */
function suspectedFrom(limit: number): number {
  return Math.max(2, Math.ceil(limit / 4));
}
