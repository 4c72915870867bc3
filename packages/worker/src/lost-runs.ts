/**
 * Runs that go on although their delivery is lost. When the message comes back to this worker it waits for that run and
 * takes over how it ends: two runs of one message side by side would only be in one another's way. Holds promises,
 * settles nothing.
 */
import type { Outcome } from '@celeriac/core';

export interface LostRun {
  /** Resolves with how it ended. */
  readonly ended: Promise<Outcome>;
}

export class LostRuns {
  #runs = new Map<string, LostRun>();

  /** A run has lost its delivery. Returns what is to be called when it ends. */
  add(queue: string, id: string): (outcome: Outcome) => void {
    const key = keyOf(queue, id);
    let resolve: (outcome: Outcome) => void = () => undefined;
    const run = { ended: new Promise<Outcome>((resolved) => (resolve = resolved)) };
    this.#runs.set(key, run);
    return (outcome) => {
      if (this.#runs.get(key) === run) this.#runs.delete(key);
      resolve(outcome);
    };
  }

  /** The run of a message that was delivered before, if it goes on here. */
  of(queue: string, id: string): LostRun | undefined {
    return this.#runs.size === 0 ? undefined : this.#runs.get(keyOf(queue, id));
  }
}

function keyOf(queue: string, id: string): string {
  return `${queue} ${id}`;
}
