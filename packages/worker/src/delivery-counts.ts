/** How many deliveries a worker has settled, and how many it could not. Counts only. */
import type { Verdict } from '@celeriac/core';

/** Since the worker was made. */
export interface DeliveryCounts {
  /** Acknowledged, returned, moved or dead-lettered. */
  readonly settled: number;
  /** Lost before they were settled: nothing was written for them, and the broker delivers them again. */
  readonly abandoned: number;
  /** Of the settled ones, those that go on from a checkpoint. */
  readonly continued: number;
}

export class DeliveryCounter {
  #settled = 0;
  #abandoned = 0;
  #continued = 0;

  count({ kind }: Verdict): void {
    if (kind === 'abandon') this.#abandoned++;
    else this.#settled++;
    if (kind === 'continue') this.#continued++;
  }

  get counts(): DeliveryCounts {
    return { settled: this.#settled, abandoned: this.#abandoned, continued: this.#continued };
  }
}
