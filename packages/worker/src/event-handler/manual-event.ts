/** The context of a handler that acknowledges by itself: an event's, and a say over it. */
import type { RejectOptions } from '@celeriac/core';

import { RunningEvent } from '../context.js';
import { Acknowledgement, type Acknowledging } from './acknowledgement.js';

export class ManualEvent extends RunningEvent implements Acknowledging {
  readonly #acknowledgement = new Acknowledgement();

  ack(): void {
    this.#acknowledgement.ack();
  }

  reject(reason?: string, options?: RejectOptions): void {
    this.#acknowledgement.reject(reason, options);
  }

  /** Runs the handler until it has said what becomes of its event. */
  heard(handler: () => unknown): Promise<void> {
    return this.#acknowledgement.heard(handler, this.cancellation, this.logger);
  }
}
