/**
 * Tells a running handler to stop, and remembers who said so first. The AbortSignal is made only when the handler
 * asks for it: most never do, and it costs more than everything else around a small task.
 */

/** Who told the handler to stop: its soft time limit, a stopping worker, a lost connection, or who cancelled the task. */
export type CancelledBy = 'deadline' | 'shutdown' | 'lost' | 'revoked';

export class Cancellation {
  #by: CancelledBy | undefined;
  #reason: unknown;
  #lost: unknown;
  #controller: AbortController | undefined;

  get by(): CancelledBy | undefined {
    return this.#by;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#by !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Why the delivery is lost and what it does no longer counts; undefined while it is not. */
  get lost(): unknown {
    return this.#lost;
  }

  /** The first call counts. `reason` is what `signal.throwIfAborted()` throws. */
  cancel(by: CancelledBy, reason: unknown): void {
    if (by === 'lost') this.#lost ??= reason;
    if (this.#by !== undefined) return;
    this.#by = by;
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}
