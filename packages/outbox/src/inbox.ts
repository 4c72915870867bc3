/**
 * The inbox: a message is handled once per id, in the same transaction as what its handler writes. Deliveries may
 * still come twice; the second one does nothing. Knows no queues: it is for any handler that has a message's id.
 */
import {
  CeleriacError,
  type Clock,
  type Duration,
  parseJson,
  stringifyJson,
  systemClock,
} from '@celeriac/core';

import type { InboxKey, InboxStore } from './ports.js';
import { milliseconds } from './relay-options.js';

export interface InboxOptions<Tx, Database> {
  readonly store: InboxStore<Tx, Database>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
}

export interface OnceOptions {
  /** Who handles it. The same message may have several handlers, each once. Default: `''`. */
  readonly consumer?: string;
}

export interface HandlerOptions extends OnceOptions {
  /**
   * True: what the handler returns is kept with the key, as JSON, and a repeat returns it again, as a receiver of it
   * would read it. Default false: a repeat returns undefined.
   */
  readonly keepResult?: boolean;
}

export type Once<T> =
  | { readonly first: true; readonly value: T }
  /** It was handled before: nothing was run. */
  | { readonly first: false; readonly value?: undefined };

/** What is used of a handler's context: of a task, or of an event. */
export interface InboxContext {
  readonly id: string;
  readonly task?: string;
  readonly application?: string;
}

/** A handler that also gets the transaction. */
export type InboxHandler<Input, Context, Tx, Output> = (
  input: Input,
  context: Context,
  tx: Tx,
) => Output | Promise<Output>;

export interface CleanUpOptions {
  /** Keys younger than that stay. Longer than any message can come late: retries, delays and outages included. */
  readonly keep: Duration;
  /** Keys per statement. Default 1000. */
  readonly batch?: number;
}

export class Inbox<Tx, Database> {
  readonly #store: InboxStore<Tx, Database>;
  readonly #clock: Clock;
  /** Which handler speaks for an application; a second one without a name of its own would never run. */
  readonly #unnamed = new Map<string, unknown>();

  constructor({ store, clock = systemClock }: InboxOptions<Tx, Database>) {
    this.#store = store;
    this.#clock = clock;
  }

  /**
   * Runs `work` unless this message was handled before, and remembers it within the transaction: rolled back, it was
   * not handled. When `work` rejects, what it wrote is undone, and the same error is thrown.
   */
  async once<T>(
    tx: Tx,
    messageId: string,
    ...[work, options = {}]: [work: () => Promise<T> | T, options?: OnceOptions]
  ): Promise<Once<T>> {
    const key = checkedKey({ consumer: options.consumer ?? '', messageId });
    const once = await this.#store.once(tx, key, async () => ({ value: await work() }));
    return once.first ? once : { first: false };
  }

  /**
   * A handler for `worker.task` and `application(…).on`: opens a transaction, runs `handle` in it once per message, and
   * commits. A message that was handled before is acknowledged. Who handles is the task's name, or the application's;
   * several handlers of one application each need a `consumer`.
   */
  handler<Input, Context extends InboxContext, Output>(
    database: Database,
    handle: InboxHandler<Input, Context, Tx, Output>,
    options: HandlerOptions & { readonly keepResult: true },
  ): (input: Input, context: Context) => Promise<Output>;
  handler<Input, Context extends InboxContext, Output>(
    database: Database,
    handle: InboxHandler<Input, Context, Tx, Output>,
    options?: HandlerOptions,
  ): (input: Input, context: Context) => Promise<Output | undefined>;
  handler<Input, Context extends InboxContext, Output>(
    database: Database,
    handle: InboxHandler<Input, Context, Tx, Output>,
    { consumer, keepResult = false }: HandlerOptions = {},
  ): (input: Input, context: Context) => Promise<Output | undefined> {
    return async (input, context) => {
      const key = checkedKey({
        consumer: consumer ?? this.#consumerOf(context, handle),
        messageId: context.id,
      });
      return this.#store.transaction(database, async (tx) => {
        const once = await this.#store.once(tx, key, async () => {
          const value = await handle(input, context, tx);
          return {
            value,
            kept: keepResult && value !== undefined ? stringifyJson(value, 'result') : undefined,
          };
        });
        if (once.first) return once.value;
        return once.kept === undefined ? undefined : (parseJson(once.kept) as Output);
      });
    };
  }

  /** Forgets what was handled longer ago. Resolves with how many. Stops early, between statements, when told to. */
  async cleanUp({ keep, batch = 1000 }: CleanUpOptions, signal?: AbortSignal): Promise<number> {
    const olderThanMs = milliseconds(keep);
    let forgotten = 0;
    for (;;) {
      const some = await this.#store.forget({ olderThanMs, limit: batch });
      forgotten += some;
      if (some < batch || signal?.aborted === true) return forgotten;
      await this.#clock.sleep(0); // others may use the connection
    }
  }

  #consumerOf({ task, application }: InboxContext, handle: unknown): string {
    if (task !== undefined) return `task ${task}`;
    const name = `application ${application ?? ''}`;
    const known = this.#unnamed.get(name) ?? handle;
    if (known !== handle) {
      throw new CeleriacError('ERR_INPUT_INVALID', {
        message: `Two handlers of the ${name} share one inbox, and no name tells them apart: one would never run.`,
        hint: 'Give each a name: inbox.handler(database, handle, { consumer }).',
        values: { application },
      });
    }
    this.#unnamed.set(name, handle);
    return name;
  }
}

function checkedKey(key: InboxKey): InboxKey {
  if (typeof key.messageId === 'string' && key.messageId !== '') return key;
  throw new CeleriacError('ERR_INPUT_INVALID', {
    message: 'The inbox tells messages apart by their ids, and this one has none.',
    hint: 'Pass the id of the message: ctx.id in a handler.',
    values: { ...key },
  });
}
