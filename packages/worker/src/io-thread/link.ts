/**
 * The main thread's hold on the I/O thread: starts it, asks it for things, and starts it again should it ever crash.
 * What was being asked for then fails, with an outcome that is not known. Knows nothing of queues and messages.
 */
import { type Transferable, Worker } from 'node:worker_threads';

import { backoffMs, CeleriacError, type Clock, errorText, type Logger, waitAtMost } from '@celeriac/core';

import type { Boot, Notice, Request, Results, Settlement, ToMain } from './protocol.js';
import { settlementMemory, SettlementWriter } from './settlements.js';
import { fromWire } from './wire-error.js';

export interface LinkParts {
  readonly boot: Omit<Boot, 'settlements'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** The script of the thread. */
  readonly script: URL;
  /** What it says beside answers. */
  readonly onMessage: (
    message: Exclude<ToMain, { kind: 'up' | 'done' | 'answered' | 'failed' | 'log' }>,
  ) => void;
  /** It crashed: nothing of it is left. */
  readonly onCrash: (error: CeleriacError) => void;
  /** Another one runs, and knows nothing yet. */
  readonly onRestart: () => void;
}

interface Pending {
  readonly resolve: (result?: unknown) => void;
  readonly reject: (error: Error) => void;
}

const restartPause = { firstMs: 100, longestMs: 10_000 } as const;
/** One that ran longer was no start that failed. */
const stableAfterMs = 60_000;
const closeDeadlineMs = 5_000;

export class Link {
  #parts: LinkParts;
  #thread: Worker | undefined;
  #settlements: SettlementWriter | undefined;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #waking = false;
  #closing = new AbortController();
  #everUp = false;
  #crashes = 0;
  #startedAt = 0;
  /** Why there is no thread. */
  #gone: CeleriacError | undefined;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#start();
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Rejects with what the thread's attempt ended with, or with ERR_IO_THREAD, or with ERR_CLOSED. */
  request(request: Request, transfer: readonly Transferable[] = []): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return Promise.reject(this.#gone ?? closed());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve: resolve as Pending['resolve'], reject });
      try {
        thread.postMessage({ ...request, id }, transfer);
      } catch (error) {
        this.#pending.delete(id); // it holds something that cannot cross
        reject(error);
      }
    });
  }

  /** As `request`, for what has a result. */
  ask<Kind extends keyof Results>(kind: Kind): Promise<Results[Kind]> {
    return this.request({ kind }) as Promise<unknown> as Promise<Results[Kind]>;
  }

  /** A thread that is not there is told by `onRestart`. */
  tell(notice: Notice): void {
    this.#thread?.postMessage(notice);
  }

  settle(delivery: number, how: Settlement): void {
    if (this.#settlements?.write(delivery, how) !== true) {
      this.tell({ kind: 'settle', delivery, how });
      return;
    }
    if (this.#waking) return;
    this.#waking = true;
    // At the end of the turn: neighbours are acknowledged together. Should the turn not end, the thread looks by itself.
    setImmediate(() => {
      this.#waking = false;
      this.tell({ kind: 'settled' });
    });
  }

  /** Ends the thread. What it was asked for and has not done fails with ERR_CLOSED. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    await this.#thread?.terminate();
    this.#thread = undefined;
    this.#gone = undefined;
    this.#rejectAll(closed());
  }

  /** As `request`, for closing: never rejects, and waits only so long. */
  async requestEnd(request: Request): Promise<void> {
    const ended = this.request(request).catch(() => undefined); // it is gone, with all it held
    await waitAtMost(this.#parts.clock, closeDeadlineMs, ended);
  }

  #start(): void {
    const memory = settlementMemory();
    const boot: Boot = { ...this.#parts.boot, settlements: memory };
    // The application's preloaded modules have no business there.
    const thread = new Worker(this.#parts.script, { workerData: boot, execArgv: [], name: 'celeriac-io' });
    let cause: unknown;
    thread.on('message', (messages: readonly ToMain[]) => {
      for (const message of messages) this.#receive(message);
    });
    thread.on('error', (error) => (cause = error));
    thread.on('messageerror', (error) => {
      cause = error;
      void thread.terminate();
    });
    thread.on('exit', (code) => this.#ended(cause ?? new Error(`exit code ${code}`)));
    this.#thread = thread;
    this.#startedAt = this.#parts.clock.monotonic();
    this.#settlements = new SettlementWriter(memory);
  }

  #receive(message: ToMain): void {
    switch (message.kind) {
      case 'up':
        this.#everUp = true;
        return;
      case 'done':
        for (const id of message.ids) this.#take(id)?.resolve();
        return;
      case 'answered':
        this.#take(message.id)?.resolve(message.result);
        return;
      case 'failed':
        this.#take(message.id)?.reject(fromWire(message.error));
        return;
      case 'log': {
        const { level, message: text, fields, error } = message;
        this.#parts.logger[level](text, error === undefined ? fields : { ...fields, error: fromWire(error) });
        return;
      }
      default:
        this.#parts.onMessage(message);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #rejectAll(error: CeleriacError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of all) reject(error);
  }

  #ended(cause: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { logger, onCrash } = this.#parts;
    const error = this.#everUp ? crashed(cause) : notStarted(cause);
    this.#thread = undefined;
    this.#settlements = undefined;
    this.#gone = error;
    logger.error('the I/O thread ended', { error });
    this.#rejectAll(error);
    if (!this.#everUp) return; // it would not start the next time either
    onCrash(error);
    void this.#restart();
  }

  async #restart(): Promise<void> {
    const { clock, onRestart } = this.#parts;
    const stable = clock.monotonic() - this.#startedAt >= stableAfterMs;
    this.#crashes = stable ? 1 : this.#crashes + 1;
    const pauseMs = backoffMs(this.#crashes, { ...restartPause, random: () => clock.random() });
    await clock.sleep(pauseMs, this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    this.#gone = undefined;
    this.#start();
    onRestart();
  }
}

function crashed(cause: unknown): CeleriacError {
  return new CeleriacError('ERR_IO_THREAD', {
    message: `The thread that holds the connections crashed: ${errorText(cause)}.`,
    hint: 'Another one is started; what was being published may or may not have been stored. Please report it.',
    values: { outcome: 'unknown' },
    cause,
  });
}

function notStarted(cause: unknown): CeleriacError {
  return new CeleriacError('ERR_IO_THREAD', {
    message: `The thread that holds the connections did not start: ${errorText(cause)}.`,
    hint: 'Keep the files of @celeriac/worker as they are installed (a bundler drops them), or set task_handler.io: inline.',
    cause,
  });
}

function closed(): CeleriacError {
  return new CeleriacError('ERR_CLOSED', { message: 'The connections of this worker were closed.' });
}
