/**
 * A registered application's handlers: routing patterns and functions. Compiled once; order is the order of
 * registration.
 */
import { CeleriacError, compilePattern, type EventContract, type EventMessage } from '@celeriac/core';

import type { EventContext } from '../context.js';

/** Gets the event; with a contract, its values are validated. */
export type EventHandler<Values = unknown> = (event: EventMessage<Values>, context: EventContext) => unknown;

export interface RegisteredEventHandler {
  /** Routing pattern: `*` is one word, `#` any number of them. */
  readonly pattern: string;
  readonly matches: (routingKey: string) => boolean;
  readonly contract: EventContract | undefined;
  readonly handler: EventHandler;
}

export class Application {
  readonly name: string;
  #handlers: RegisteredEventHandler[] = [];
  #typeOf: ((contract: EventContract) => string) | undefined;
  #waiting: { contract: EventContract; handler: EventHandler }[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /**
   * Calls `handler` for every event whose routing key matches. All matching handlers run, in order; the event is
   * done when the last one is. Throws ERR_CONTRACT_INVALID for a pattern that can match nothing.
   */
  on(pattern: string, handler: EventHandler): this;
  on<Parsed>(contract: EventContract<unknown, Parsed>, handler: EventHandler<Parsed>): this;
  on(what: string | EventContract, handler: EventHandler<never>): this {
    const run = handler as EventHandler;
    if (typeof what === 'string') this.#add(what, undefined, run);
    else if (this.#typeOf === undefined) this.#waiting.push({ contract: what, handler: run });
    else this.#add(this.#typeOf(what), what, run);
    return this;
  }

  /** The routing pattern of contracts is configured: it is known when the worker starts. @internal */
  resolve(typeOf: (contract: EventContract) => string): void {
    this.#typeOf = typeOf;
    for (const { contract, handler } of this.#waiting) this.#add(typeOf(contract), contract, handler);
    this.#waiting = [];
  }

  /** The patterns to bind, each once. */
  get patterns(): readonly string[] {
    return [...new Set(this.#handlers.map(({ pattern }) => pattern))].sort();
  }

  /** Handlers for a routing key, in order. */
  matching(routingKey: string): readonly RegisteredEventHandler[] {
    return this.#handlers.filter(({ matches }) => matches(routingKey));
  }

  get isEmpty(): boolean {
    return this.#handlers.length === 0 && this.#waiting.length === 0;
  }

  #add(pattern: string, contract: EventContract | undefined, handler: EventHandler): void {
    if (pattern === '' || Buffer.byteLength(pattern) > 255) {
      throw new CeleriacError('ERR_CONTRACT_INVALID', {
        message: `A routing pattern has 1 to 255 bytes; this one has ${Buffer.byteLength(pattern)}.`,
        hint: "Use '#' to receive every event.",
        values: { application: this.name, pattern },
      });
    }
    this.#handlers.push({ pattern, matches: compilePattern(pattern), contract, handler });
  }
}
