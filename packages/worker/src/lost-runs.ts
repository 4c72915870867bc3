/**
 * Runs that go on although their delivery is lost. When the message comes back to this worker it waits for that run: two
 * of one message side by side would only be in one another's way. Holds promises, settles nothing.
 */
import type { Outcome } from '@celeriac/core';

export interface LostRun {
  /** It was told to stop, and what it sent was refused: however it ends, the message has to run anew. */
  readonly isToldToStop: boolean;
  /** Resolves with how it ended. */
  readonly ended: Promise<Outcome>;
}

interface Lost {
  readonly queue: string;
  readonly id: string;
  readonly isToldToStop: boolean;
}

export class LostRuns {
  #runs = new Map<string, LostRun>();

  /** A run has lost its delivery. Returns what is to be called when it ends. */
  add({ queue, id, isToldToStop }: Lost): (outcome: Outcome) => void {
    const key = keyOf(queue, id);
    let resolve: (outcome: Outcome) => void = () => undefined;
    const run = { isToldToStop, ended: new Promise<Outcome>((resolved) => (resolve = resolved)) };
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
