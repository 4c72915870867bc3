/**
 * Exchanges: bindings, and which of them a message takes. Pure.
 *
 * Source: AMQP 0-9-1 §3.1.3; alternate exchanges and the headers exchange as in RabbitMQ 3.10.
 */
import { compilePattern } from '@celeriac/core';

import { AmqpError } from './amqp-error.js';
import { erlangType } from './queue-arguments.js';

export type ExchangeType = 'direct' | 'fanout' | 'topic' | 'headers';

type Table = Readonly<Record<string, unknown>>;

/** Exchanges every virtual host has. */
export const builtIn: readonly (readonly [name: string, type: ExchangeType])[] = [
  ['', 'direct'],
  ['amq.direct', 'direct'],
  ['amq.fanout', 'fanout'],
  ['amq.topic', 'topic'],
  ['amq.headers', 'headers'],
  ['amq.match', 'headers'],
];

export const exchangeTypes: readonly string[] = ['direct', 'fanout', 'topic', 'headers'];

/** Where a binding leads. */
export interface Destination {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
}

export interface Binding {
  readonly destination: Destination;
  readonly routingKey: string;
  readonly arguments: Table;
  readonly matches: (routingKey: string, headers: Table) => boolean;
}

export interface ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Table;
}

export class Exchange {
  readonly options: ExchangeOptions;
  /** In the order they were made. */
  #bindings = new Set<Binding>();
  /** By key, which is all that most messages need. */
  #byKey = new Index();
  /** By where they lead: a queue that goes takes its own, however many others there are. */
  #byDestination = new Index();
  /** By both. */
  #byPlace = new Index();

  constructor(options: ExchangeOptions) {
    this.options = options;
  }

  get name(): string {
    return this.options.name;
  }

  get alternate(): string | undefined {
    const { 'alternate-exchange': alternate } = this.options.arguments;
    return typeof alternate === 'string' ? alternate : undefined;
  }

  get bindings(): ReadonlySet<Binding> {
    return this.#bindings;
  }

  bind(destination: Destination, routingKey: string, args: Table): void {
    if (this.#find(destination, routingKey, args) !== undefined) return;
    const binding = {
      destination,
      routingKey,
      arguments: args,
      matches: matcher(this.options.type, routingKey, args),
    };
    this.#bindings.add(binding);
    this.#byKey.add(routingKey, binding);
    this.#byDestination.add(destinationKey(destination), binding);
    this.#byPlace.add(placeKey(destination, routingKey), binding);
  }

  has(destination: Destination, routingKey: string, args: Table): boolean {
    return this.#find(destination, routingKey, args) !== undefined;
  }

  /** True when there was one; RabbitMQ says ok either way. */
  unbind(destination: Destination, routingKey: string, args: Table): boolean {
    const binding = this.#find(destination, routingKey, args);
    if (binding !== undefined) this.#remove(binding);
    return binding !== undefined;
  }

  /** The destination is gone. True when a binding went with it. */
  forget(destination: Destination): boolean {
    const gone = [...this.#byDestination.get(destinationKey(destination))];
    for (const binding of gone) this.#remove(binding);
    return gone.length > 0;
  }

  /** The destinations of a message; one may be named more than once. */
  route(routingKey: string, headers: Table): readonly Destination[] {
    const destinations: Destination[] = [];
    const { type } = this.options;
    const candidates = type === 'direct' ? this.#byKey.get(routingKey) : this.#bindings;
    for (const { matches, destination } of candidates) {
      if (type === 'direct' || matches(routingKey, headers)) destinations.push(destination);
    }
    return destinations;
  }

  #find(destination: Destination, routingKey: string, args: Table): Binding | undefined {
    for (const binding of this.#byPlace.get(placeKey(destination, routingKey))) {
      if (tableText(binding.arguments) === tableText(args)) return binding;
    }
    return undefined;
  }

  #remove(binding: Binding): void {
    const { destination, routingKey } = binding;
    this.#bindings.delete(binding);
    this.#byKey.delete(routingKey, binding);
    this.#byDestination.delete(destinationKey(destination), binding);
    this.#byPlace.delete(placeKey(destination, routingKey), binding);
  }
}

const none: ReadonlySet<Binding> = new Set();

/** Bindings by a text, in the order they were made. */
class Index {
  #bindings = new Map<string, Set<Binding>>();

  get(key: string): ReadonlySet<Binding> {
    return this.#bindings.get(key) ?? none;
  }

  add(key: string, binding: Binding): void {
    const same = this.#bindings.get(key);
    if (same === undefined) this.#bindings.set(key, new Set([binding]));
    else same.add(binding);
  }

  delete(key: string, binding: Binding): void {
    const same = this.#bindings.get(key);
    same?.delete(binding);
    if (same?.size === 0) this.#bindings.delete(key);
  }
}

function destinationKey({ kind, name }: Destination): string {
  return `${kind} ${name}`;
}

/** Names are at most 255 bytes, so their length tells them from the key. */
function placeKey({ kind, name }: Destination, routingKey: string): string {
  return `${kind} ${name.length} ${name} ${routingKey}`;
}

/** The same for the same arguments in any order. */
export function tableText(table: Table): string {
  const sorted = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
}

function matcher(type: ExchangeType, routingKey: string, args: Table): Binding['matches'] {
  switch (type) {
    case 'fanout':
      return () => true;
    case 'direct':
      return (key) => key === routingKey;
    case 'topic':
      return topicMatcher(routingKey);
    case 'headers':
      return headersMatcher(args);
  }
}

/** An empty key has no words, so `*` does not match it (rabbit_exchange_type_topic.erl: split_topic_key). */
function topicMatcher(pattern: string): Binding['matches'] {
  const matches = compilePattern(pattern);
  const matchesNothing = pattern === '' || pattern.split('.').every((word) => word === '#');
  return (key) => (key === '' ? matchesNothing : matches(key));
}

/** `x-match`: all (the default), any, and their `-with-x` forms, which count headers that begin with `x-` too. */
function headersMatcher(args: Table): Binding['matches'] {
  const { 'x-match': mode = 'all' } = args;
  if (!['all', 'any', 'all-with-x', 'any-with-x'].includes(mode as string)) {
    throw new AmqpError(
      406,
      typeof mode === 'string'
        ? `Invalid x-match field value <<"${mode}">>; expected all, any, all-with-x, or any-with-x`
        : `Invalid x-match field type ${erlangType(mode)} (value ${JSON.stringify(mode)}); expected longstr`,
    );
  }
  const withX = (mode as string).endsWith('-with-x');
  const wanted = Object.entries(args).filter(
    ([name]) => name !== 'x-match' && (withX || !name.startsWith('x-')),
  );
  const isMet =
    (headers: Table) =>
    ([name, value]: readonly [string, unknown]): boolean =>
      Object.hasOwn(headers, name) &&
      (value === null || tableText({ value: headers[name] }) === tableText({ value }));
  return (mode as string).startsWith('all')
    ? (_key, headers) => wanted.every(isMet(headers))
    : (_key, headers) => wanted.some(isMet(headers));
}
