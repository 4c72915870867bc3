/**
 * The work a worker has in hand: what waits for its turn, and what runs. For telling handlers to stop, and for questions
 * about them. As long as what the broker has sent ahead; decides nothing.
 */
import type { Delivery } from '@celeriac/core';

import type { CancelledBy, Cancellation } from './cancellation.js';
import type { Work } from './work.js';

/** A piece of work in hand. */
export interface WorkHeld {
  readonly work: Work;
  readonly delivery: Delivery;
  /** While it runs: when it began, milliseconds since the epoch, and how it is told to stop. */
  running?: { readonly since: number; readonly cancellation: Cancellation };
}

export class WorkInHand {
  #held = new Set<WorkHeld>();
  /** Tasks that were begun, by name. Registered ones only: there are not so many. */
  readonly begun: Map<string, number> = new Map<string, number>();

  get size(): number {
    return this.#held.size;
  }

  add(work: Work, delivery: Delivery): WorkHeld {
    const held: WorkHeld = { work, delivery };
    this.#held.add(held);
    return held;
  }

  begin(held: WorkHeld, running: NonNullable<WorkHeld['running']>): void {
    held.running = running;
    const { name, message } = held.work;
    if (message !== undefined) this.begun.set(name, (this.begun.get(name) ?? 0) + 1);
  }

  delete(held: WorkHeld): void {
    this.#held.delete(held);
  }

  /** Tasks, without events. */
  tasks(): readonly WorkHeld[] {
    return [...this.#held].filter(({ work }) => work.message !== undefined);
  }

  /** Events, without tasks. */
  events(): readonly WorkHeld[] {
    return [...this.#held].filter(({ work }) => work.message === undefined);
  }

  /** Tells all that runs. */
  cancelAll(by: CancelledBy, reason: unknown): void {
    for (const { running } of this.#held) running?.cancellation.cancel(by, reason);
  }
}
