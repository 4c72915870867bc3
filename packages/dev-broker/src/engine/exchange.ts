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
  #bindings: Binding[] = [];
  /** Direct bindings by key: what most messages take. */
  #byKey = new Map<string, Binding[]>();

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

  get bindings(): readonly Binding[] {
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
    this.#bindings.push(binding);
    const same = this.#byKey.get(routingKey);
    if (same === undefined) this.#byKey.set(routingKey, [binding]);
    else same.push(binding);
  }

  has(destination: Destination, routingKey: string, args: Table): boolean {
    return this.#find(destination, routingKey, args) !== undefined;
  }

  /** True when there was one; RabbitMQ says ok either way. */
  unbind(destination: Destination, routingKey: string, args: Table): boolean {
    const binding = this.#find(destination, routingKey, args);
    if (binding === undefined) return false;
    this.#remove((one) => one === binding);
    return true;
  }

  /** The destination is gone. True when a binding went with it. */
  forget({ kind, name }: Destination): boolean {
    const before = this.#bindings.length;
    this.#remove(({ destination }) => destination.kind === kind && destination.name === name);
    return this.#bindings.length < before;
  }

  /** The destinations of a message; one may be named more than once. */
  route(routingKey: string, headers: Table): readonly Destination[] {
    const { type } = this.options;
    if (type === 'direct') return (this.#byKey.get(routingKey) ?? []).map(({ destination }) => destination);
    return this.#bindings
      .filter(({ matches }) => matches(routingKey, headers))
      .map(({ destination }) => destination);
  }

  #find({ kind, name }: Destination, routingKey: string, args: Table): Binding | undefined {
    return this.#byKey
      .get(routingKey)
      ?.find(
        ({ destination, arguments: present }) =>
          destination.kind === kind && destination.name === name && tableText(present) === tableText(args),
      );
  }

  #remove(which: (binding: Binding) => boolean): void {
    this.#bindings = this.#bindings.filter((binding) => !which(binding));
    this.#byKey.clear();
    for (const binding of this.#bindings) {
      const same = this.#byKey.get(binding.routingKey);
      if (same === undefined) this.#byKey.set(binding.routingKey, [binding]);
      else same.push(binding);
    }
  }
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
