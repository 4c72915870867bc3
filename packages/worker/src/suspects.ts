/**
 * Messages that were delivered so often without an end that they may be what ends the process. They run one at a time:
 * two in hand would be counted together each time, and the innocent one would be dead-lettered with the other.
 */
import type { Clock } from '@celeriac/core';

export class Suspects {
  #isTaken = false;

  /** Undefined while another one runs. */
  take({ before, limit }: { readonly before: number; readonly limit: number }): Suspicion | undefined {
    if (limit === 0 || before < suspectedFrom(limit)) return innocent;
    if (this.#isTaken) return undefined;
    this.#isTaken = true;
    return {
      pause: ({ clock, stopping }) => clock.sleep(pauseMs, stopping),
      release: () => (this.#isTaken = false),
    };
  }
}

export interface Suspicion {
  /** To be awaited before it is started: others that are in hand have been moved out of danger by then. */
  readonly pause: (parts: {
    readonly clock: Clock;
    readonly stopping: AbortSignal;
  }) => Promise<void> | undefined;
  /** Makes room for the next. */
  readonly release: () => void;
}

const pauseMs = 500;
const innocent: Suspicion = { pause: () => undefined, release: () => undefined };

/** A lost connection or two are no reason yet. */
function suspectedFrom(limit: number): number {
  return Math.max(2, Math.ceil(limit / 4));
}
