/**
 * Keeps what becomes of tasks: states while they run, and the end before the delivery is settled, since after the
 * acknowledgement nothing would bring it back. A store that does not answer is tried again for as long as the delivery
 * is ours. Settles nothing: it says whether the end is kept, and `judge` decides what follows.
 */
import {
  backoffMs,
  type Clock,
  type Config,
  type Delivery,
  isCeleriacError,
  type Logger,
  type NewResult,
  type Outcome,
  type ResultTarget,
  type ResultWriter,
  type Verdict,
} from '@celeriac/core';

import type { TaskHandlers } from '../handlers.js';
import { Notices } from './notices.js';
import { resultOf } from './result-of.js';

export interface ResultKeeperParts {
  readonly writer: ResultWriter;
  readonly config: Config['tasks'];
  readonly tasks: TaskHandlers;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Fires when the process must not wait any longer. */
  readonly halted: AbortSignal;
  /** Name of the worker, for STARTED. */
  readonly worker: string;
}

export interface EndedTask {
  readonly target: ResultTarget;
  readonly delivery: Delivery;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
}

const firstPauseMs = 200;
const longestPauseMs = 5_000;
/** How long a store is waited for that `result_required: false` can do without. */
const patienceMs = 10_000;

export class ResultKeeper {
  #parts: ResultKeeperParts;
  #notices: Notices;

  constructor(parts: ResultKeeperParts) {
    this.#parts = parts;
    this.#notices = new Notices(parts);
  }

  get writer(): ResultWriter {
    return this.#parts.writer;
  }

  /** The handler is about to run. */
  started(target: ResultTarget, delivery: Delivery): void {
    if (this.#ignores(target) || !this.#parts.writer.accepts(target)) return;
    this.#notices.open(target, delivery);
    if (!this.#parts.config.track_started) return;
    const value = { pid: process.pid, hostname: this.#parts.worker };
    this.#notices.tell(target.id, { status: 'STARTED', value, isReady: false });
  }

  /** What a running task tells of itself. Nobody waits for it; of what comes faster than it is written, the last counts. */
  progress(id: string, value: unknown): void {
    this.#notices.tell(id, { status: 'PROGRESS', value, isReady: false });
  }

  /** A running task has sent another one. */
  sent(id: string, child: string): void {
    this.#notices.sent(id, child);
  }

  /**
   * True when there is nothing to keep, or it is kept; false when the delivery must not be acknowledged. A promise only
   * where something was told or is to be kept. Never rejects.
   */
  ended(ended: EndedTask): true | Promise<boolean> {
    const { target, delivery, outcome, verdict } = ended;
    const children = this.#notices.children(target.id, delivery);
    const told = this.#notices.close(target.id, delivery);
    const result = resultOf(outcome, verdict, target.id);
    const isKept = result !== undefined && this.#wants(target, result);
    if (told === undefined && !isKept) return true;
    return this.#afterTold(told, () => {
      if (!isKept) return true;
      const all = result.status === 'RETRY' || children.length === 0 ? result : { ...result, children };
      return this.#keep(target, all, delivery);
    });
  }

  async #afterTold(told: Promise<void> | undefined, keep: () => true | Promise<boolean>): Promise<boolean> {
    if (told !== undefined) await told;
    return keep();
  }

  close(): Promise<void> {
    return this.#parts.writer.close();
  }

  #wants(target: ResultTarget, { status }: NewResult): boolean {
    const { config, writer } = this.#parts;
    if (!writer.accepts(target)) return false;
    const isError = status === 'FAILURE' || status === 'REVOKED';
    return !this.#ignores(target) || (isError && config.store_errors_even_if_ignored);
  }

  /** The sender's wish, then the registration's, then the contract's, then the configured one. */
  #ignores({ ignoreResult, name }: ResultTarget): boolean {
    if (ignoreResult !== undefined) return ignoreResult;
    const task = name === undefined ? undefined : this.#parts.tasks.get(name);
    return task?.options.ignoreResult ?? task?.contract?.ignoreResult ?? this.#parts.config.ignore_result;
  }

  async #keep(target: ResultTarget, first: NewResult, delivery: Delivery): Promise<boolean> {
    const { writer, clock, logger, halted } = this.#parts;
    const since = clock.monotonic();
    let result = first;
    for (let failures = 1; ; failures++) {
      try {
        await writer.write(target, result, delivery.queue);
        return true;
      } catch (error) {
        const what = { name: target.name, id: target.id, state: result.status, error };
        if (isUnfit(error)) {
          logger.error('the result cannot be kept', what);
          if (result !== first) return true; // nothing else can be told
          result = { status: 'FAILURE', error };
          continue;
        }
        if (!delivery.live) return false;
        if (!this.#parts.config.result_required && clock.monotonic() - since >= patienceMs) {
          logger.error('the result is lost: it could not be kept', what);
          return true;
        }
        if (halted.aborted) return false;
        if (failures === 1)
          logger.warn('the result cannot be kept yet, holding the message and trying on', what);
        await this.#pause(failures, delivery);
      }
    }
  }

  async #pause(failures: number, delivery: Delivery): Promise<void> {
    const { clock, halted } = this.#parts;
    const random = (): number => clock.random();
    const woken = new AbortController();
    const forget = delivery.onLost(() => woken.abort());
    const pauseMs = backoffMs(failures, { firstMs: firstPauseMs, longestMs: longestPauseMs, random });
    await clock.sleep(pauseMs, AbortSignal.any([woken.signal, halted]));
    forget();
  }
}

/** The value's fault, and the same next time: FAILURE is told in its place. */
function isUnfit(error: unknown): boolean {
  return isCeleriacError(error, 'ERR_NOT_SERIALIZABLE') || isCeleriacError(error, 'ERR_MESSAGE_TOO_LARGE');
}
