/**
 * Collects messages for one handler: until there are enough of them, or the first one has waited long enough. Every
 * message keeps its own fate, which is told to whoever brought it. Settles nothing, and judges nothing.
 */
import {
  CeleriacError,
  type Clock,
  type Duration,
  isCheckpoint,
  type Logger,
  parseDuration,
  type Timer,
} from '@celeriac/core';

import { Cancellation } from './cancellation.js';
import { outsideContext } from './context.js';

export interface BatchOptions {
  /** Messages at most: 1 to 65535. The broker sends as many ahead. */
  readonly size: number;
  /** How long the first one waits for others. */
  readonly wait: Duration;
}

/** What a handler of batches is given beside its messages, which it names by their index. */
export interface BatchContext<ItemContext> {
  /** The context of each message, in their order: its id, attempt, headers, logger and senders. */
  readonly items: readonly ItemContext[];
  /** Fires when the handler should stop: soft time limit, shutdown, or all deliveries are lost. */
  readonly signal: AbortSignal;
  /** This one has failed, and is judged by its retry policy; `Retry` and `Reject` say what they always say. */
  fail(index: number, error: unknown): void;
  /** This one is done, whatever becomes of the others. It is acknowledged at once. */
  done(index: number, value?: unknown): void;
}

/**
 * Gets the messages of a batch, oldest first. When it returns, all that it has not failed are done; a list of as many
 * entries as there were messages is what each has come to. When it throws, all that are not done yet have failed.
 */
export type BatchHandler<Input, ItemContext> = (
  inputs: readonly Input[],
  batch: BatchContext<ItemContext>,
) => unknown;

interface Item<Input, ItemContext> {
  readonly input: Input;
  readonly context: ItemContext;
  readonly cancellation: Cancellation;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  isOver: boolean;
}

export interface BatcherParts {
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Fires when nothing more comes: what is there is handled at once. */
  readonly stopping: AbortSignal;
}

/** Throws ERR_CONTRACT_INVALID for a size or a time that cannot be. */
export function checkBatchOptions({ size, wait }: BatchOptions): void {
  const isFine = Number.isInteger(size) && size >= 1 && size <= 65_535;
  if (isFine && parseDuration(wait) > 0) return;
  throw new CeleriacError('ERR_CONTRACT_INVALID', {
    message: `A batch has 1 to 65535 messages and waits for longer than no time; this one has ${String(size)} and waits ${String(wait)}.`,
    values: { size, wait },
  });
}

export class Batcher<Input, ItemContext> {
  #options: BatchOptions;
  #handler: BatchHandler<Input, ItemContext>;
  #parts: BatcherParts;
  #waiting: Item<Input, ItemContext>[] = [];
  #timer: Timer | undefined;
  #isDue = false;
  #isRunning = false;

  constructor(options: BatchOptions, handler: BatchHandler<Input, ItemContext>, parts: BatcherParts) {
    this.#options = options;
    this.#handler = handler;
    this.#parts = parts;
    parts.stopping.addEventListener('abort', () => this.#due(), { once: true });
  }

  /** Resolves with what the message has come to; rejects with what it failed with. */
  add(input: Input, context: ItemContext, cancellation: Cancellation): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const item = { input, context, cancellation, resolve, reject, isOver: false };
      this.#waiting.push(item);
      cancellation.signal.addEventListener('abort', () => this.#leave(item), { once: true });
      if (this.#waiting.length >= this.#options.size || this.#parts.stopping.aborted) this.#due();
      else this.#timer ??= this.#parts.clock.after(this.#waitMs, () => this.#due());
    });
  }

  get #waitMs(): number {
    return parseDuration(this.#options.wait) * 1000;
  }

  /** Told to stop while it waits: it goes back, and spoils no batch. */
  #leave(item: Item<Input, ItemContext>): void {
    const index = this.#waiting.indexOf(item);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    item.isOver = true;
    item.reject(item.cancellation.signal.reason);
  }

  /** One batch at a time: what comes meanwhile is the next. */
  #due(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isDue = true;
    if (this.#isRunning || this.#waiting.length === 0) return;
    this.#isDue = false;
    this.#isRunning = true;
    const items = this.#waiting.splice(0, this.#options.size);
    void this.#handle(items).finally(() => {
      this.#isRunning = false;
      const isFull = this.#waiting.length >= this.#options.size;
      if (this.#isDue || isFull || this.#parts.stopping.aborted) this.#due();
      else if (this.#waiting.length > 0)
        this.#timer ??= this.#parts.clock.after(this.#waitMs, () => this.#due());
    });
  }

  async #handle(items: readonly Item<Input, ItemContext>[]): Promise<void> {
    const whole = new Cancellation();
    const forward = items.map((item) => {
      const pass = (): void => stopWhole(whole, item, items);
      item.cancellation.signal.addEventListener('abort', pass, { once: true });
      return () => item.cancellation.signal.removeEventListener('abort', pass);
    });
    try {
      const inputs = items.map(({ input }) => input);
      const batch = this.#context(items, whole);
      const value = await outsideContext(() => this.#handler(inputs, batch));
      const values = Array.isArray(value) && value.length === items.length ? (value as unknown[]) : [];
      for (const [index, item] of items.entries()) succeed(item, values[index]);
    } catch (error) {
      for (const item of items) fail(item, error, whole);
    } finally {
      for (const forget of forward) forget();
    }
  }

  #context(items: readonly Item<Input, ItemContext>[], whole: Cancellation): BatchContext<ItemContext> {
    const { logger, name } = this.#parts;
    const at = (index: number): Item<Input, ItemContext> | undefined => {
      const item = items[index];
      if (item === undefined)
        logger.error('a batch has no such message', { name, index, size: items.length });
      return item;
    };
    return {
      items: items.map(({ context }) => context),
      get signal() {
        return whole.signal;
      },
      fail: (index, error) => {
        const item = at(index);
        if (item !== undefined) fail(item, error, whole);
      },
      done: (index, value) => {
        const item = at(index);
        if (item !== undefined) succeed(item, value);
      },
    };
  }
}

/** A limit or a stopping worker is everybody's; a lost delivery ends the batch when it is the last one. */
function stopWhole<Input, ItemContext>(
  whole: Cancellation,
  { cancellation: { by, signal } }: Item<Input, ItemContext>,
  items: readonly Item<Input, ItemContext>[],
): void {
  const isLeft = items.some(({ isOver, cancellation }) => !isOver && cancellation.lost === undefined);
  if (by === undefined || (by === 'lost' && isLeft)) return;
  whole.cancel(by, signal.reason);
}

function succeed<Input, ItemContext>(item: Item<Input, ItemContext>, value: unknown): void {
  if (item.isOver) return;
  item.isOver = true;
  item.resolve(value);
}

/** What made the whole batch stop is why each of it failed. */
function fail<Input, ItemContext>(item: Item<Input, ItemContext>, error: unknown, whole: Cancellation): void {
  if (item.isOver) return;
  item.isOver = true;
  if (whole.by !== undefined) item.cancellation.cancel(whole.by, whole.signal.reason);
  item.reject(isCheckpoint(error) ? noCheckpoint() : error);
}

function noCheckpoint(): CeleriacError {
  return new CeleriacError('ERR_WORKER_STATE', {
    message: 'A batch has no checkpoints: its messages go on one by one.',
    hint: 'Call batch.fail(index, new Retry()) for those that are to come again.',
  });
}
