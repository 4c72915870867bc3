/**
 * A registered application's handlers: routing patterns and functions. Compiled once; order is the order of
 * registration.
 */
import {
  CeleriacError,
  checkKeyOptions,
  checkRetryOptions,
  compilePattern,
  type EventContract,
  type EventMessage,
  type EventPattern,
  type EventWanted,
  type IdempotencyOptions,
  type KeyOf,
  type RetryOptions,
} from '@celeriac/core';

import { type BatchHandler, type BatchOptions, checkBatchOptions } from '../batch.js';
import type { EventContext } from '../context.js';
import type { RetryIf } from '../work.js';
import type { Acknowledging } from './acknowledgement.js';

/** Gets the event; with a contract, its values are validated. `Written`: the values as senders write them. */
export type EventHandler<Values = unknown, Written = Values> = (
  event: EventMessage<Values, Written>,
  context: EventContext,
) => unknown;

/** Ends its event by `context.ack()` or `context.reject()`, at any time; a throw before either is a failure. */
export type ManualEventHandler<Values = unknown, Written = Values> = (
  event: EventMessage<Values, Written>,
  context: EventContext & Acknowledging,
) => unknown;

/** One event, or many of one kind. */
export type EventContracts<Values = unknown, Parsed = Values> =
  EventContract<Values, Parsed> | EventPattern<Values, Parsed>;

export interface EventHandlerOptions {
  /** How the event is tried again when this handler fails; over `event_handler.retry`. All its handlers run again. */
  readonly retry?: RetryOptions;
  /** Asked after a failure; counts where `never` and `only` let it through and an attempt is left. */
  readonly retryIf?: RetryIf;
  /**
   * When the handler is done with an event. `auto`: when it returns. `manual`: when it calls `context.ack()` or
   * `context.reject()`, which may be later; until then it has one of the places of the prefetch. Default `auto`.
   */
  readonly ack?: 'auto' | 'manual';
}

/** Of a handler that acknowledges by itself. */
export type ManualOptions = EventHandlerOptions & { readonly ack: 'manual' };

export interface ApplicationOptions {
  /** Its handlers succeed once for a key of the event, all together. Default key: the event's source and id. */
  readonly idempotency?: IdempotencyOptions<KeyOf<EventMessage>>;
}

export interface RegisteredEventHandler {
  /** Routing patterns, one for each spelling of events: `*` is one word, `#` any number of them. */
  readonly patterns: readonly string[];
  readonly matches: (routingKey: string) => boolean;
  readonly contract: EventContracts | undefined;
  readonly handler: EventHandler;
  readonly options: EventHandlerOptions;
  /** Present where the handler is one of batches. */
  readonly batch?: BatchOptions | undefined;
}

/** A handler as it is registered. */
type Registered = Pick<RegisteredEventHandler, 'contract' | 'handler' | 'options' | 'batch'>;

interface Entry {
  readonly registered: Registered;
  readonly wanted: string | EventContracts;
  /** Absent while the patterns of its contract are not known. */
  compiled: RegisteredEventHandler | undefined;
}

export class Application {
  readonly name: string;
  #options: ApplicationOptions = {};
  /** In the order of registration. */
  #entries: Entry[] = [];
  #handlers: readonly RegisteredEventHandler[] = [];
  #patternsOf: ((wanted: EventWanted) => readonly string[]) | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get options(): ApplicationOptions {
    return this.#options;
  }

  /** Added to what it was given before. Throws ERR_CONTRACT_INVALID for what cannot be. @internal */
  set(options: ApplicationOptions): void {
    checkKeyOptions(options);
    this.#options = { ...this.#options, ...options };
  }

  /**
   * Calls `handler` for every event whose routing key matches; a routing pattern in one configured spelling of events
   * is meant in each. All matching handlers run, in order; the event is
   * done when the last one is. Throws ERR_CONTRACT_INVALID for a pattern that can match nothing, and for options that
   * cannot be.
   */
  on(pattern: string, handler: ManualEventHandler, options: ManualOptions): this;
  on<Values, Parsed>(
    contract: EventContracts<Values, Parsed>,
    handler: ManualEventHandler<Parsed, Values>,
    options: ManualOptions,
  ): this;
  on(pattern: string, handler: EventHandler, options?: EventHandlerOptions): this;
  on<Values, Parsed>(
    contract: EventContracts<Values, Parsed>,
    handler: EventHandler<Parsed, Values>,
    options?: EventHandlerOptions,
  ): this;
  on(
    what: string | EventContracts,
    handler: EventHandler<never> | ManualEventHandler<never>,
    options: EventHandlerOptions = {},
  ): this {
    return this.#register(what, { handler: handler as EventHandler, options });
  }

  /**
   * Calls `handler` with up to `size` events at a time: when there are so many, or when the first one has waited so
   * long. Each is settled by itself. Throws as `on` does, also for a size or a time that cannot be.
   */
  batch(
    pattern: string,
    batch: BatchOptions & Omit<EventHandlerOptions, 'ack'>,
    handler: BatchHandler<EventMessage, EventContext>,
  ): this;
  batch<Values, Parsed>(
    contract: EventContracts<Values, Parsed>,
    batch: BatchOptions & Omit<EventHandlerOptions, 'ack'>,
    handler: BatchHandler<EventMessage<Parsed, Values>, EventContext>,
  ): this;
  batch(
    what: string | EventContracts,
    { size, wait, ...options }: BatchOptions & EventHandlerOptions,
    handler: BatchHandler<never, EventContext>,
  ): this {
    const batch = { size, wait };
    checkBatchOptions(batch);
    return this.#register(what, { handler: handler as unknown as EventHandler, options, batch });
  }

  /** Of the largest batch; 1 without any. @internal */
  get batchSize(): number {
    return Math.max(1, ...this.#entries.map(({ registered: { batch } }) => batch?.size ?? 1));
  }

  #register(wanted: string | EventContracts, given: Omit<Registered, 'contract'>): this {
    checkRetryOptions(given.options.retry);
    this.#checkAck(given.options);
    const contract = typeof wanted === 'string' ? undefined : wanted;
    if (contract !== undefined) this.#checkContract(contract);
    const registered = { contract, ...given };
    const known = this.#patternsOf?.(wanted) ?? (typeof wanted === 'string' ? [wanted] : undefined);
    const compiled = known === undefined ? undefined : this.#compile(known, registered);
    this.#entries.push({ registered, wanted, compiled });
    this.#list();
    return this;
  }

  /** From JavaScript it may be any word. */
  #checkAck({ ack = 'auto' }: { readonly ack?: string }): void {
    if (['auto', 'manual'].includes(ack)) return;
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `The option 'ack' of a handler of '${this.name}' is neither 'auto' nor 'manual'.`,
      hint: "Leave it out, or use 'manual' and call context.ack().",
      values: { application: this.name, ack },
    });
  }

  /** The spellings of events are configured: they are known when the worker starts. @internal */
  resolve(patternsOf: (wanted: EventWanted) => readonly string[]): void {
    this.#patternsOf = patternsOf;
    for (const entry of this.#entries)
      entry.compiled = this.#compile(patternsOf(entry.wanted), entry.registered);
    this.#list();
  }

  /** The patterns to bind, each once. */
  get patterns(): readonly string[] {
    return [...new Set(this.#handlers.flatMap(({ patterns }) => patterns))].sort();
  }

  /** Handlers for a routing key, in order. */
  matching(routingKey: string): readonly RegisteredEventHandler[] {
    return this.#handlers.filter(({ matches }) => matches(routingKey));
  }

  /** True when a handler asks for retries. */
  get retries(): boolean {
    return this.#entries.some(
      ({ registered: { options } }) => options.retry !== undefined || options.retryIf !== undefined,
    );
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  #list(): void {
    this.#handlers = this.#entries.flatMap(({ compiled }) => compiled ?? []);
  }

  #compile(patterns: readonly string[], registered: Registered): RegisteredEventHandler {
    for (const pattern of patterns) this.#check(pattern);
    const tests = patterns.map(compilePattern);
    return { patterns, matches: (key) => tests.some((matches) => matches(key)), ...registered };
  }

  /** A family has no action: its name would be bound as `undefined`. */
  #checkContract({ kind, object }: { readonly kind: string; readonly object: string }): void {
    if (kind === 'event' || kind === 'event-pattern') return;
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `The application '${this.name}' cannot handle '${object}' (${kind}): it is not said which of its events.`,
      hint: 'Pass any, created, updated, deleted or restored of what defineEvents returned.',
      values: { application: this.name, object },
    });
  }

  #check(pattern: string): void {
    if (pattern !== '' && Buffer.byteLength(pattern) <= 255) return;
    throw new CeleriacError('ERR_CONTRACT_INVALID', {
      message: `A routing pattern has 1 to 255 bytes; this one has ${Buffer.byteLength(pattern)}.`,
      hint: "Use '#' to receive every event.",
      values: { application: this.name, pattern },
    });
  }
}
