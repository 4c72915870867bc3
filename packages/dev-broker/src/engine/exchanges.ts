/** The exchanges of a virtual host: what may be declared and deleted, and what goes with a binding. Pure. */
import { AmqpError, noExchange } from './amqp-error.js';
import { assertSame } from './equivalence.js';
import {
  builtIn,
  type Destination,
  Exchange,
  type ExchangeOptions,
  type ExchangeType,
  exchangeTypes,
} from './exchange.js';
import type { Journal } from './journal.js';
import { erlangType } from './queue-arguments.js';

export type ExchangeDeclaration = Omit<ExchangeOptions, 'type'> & { readonly type: string };

export class Exchanges {
  readonly byName: Map<string, Exchange> = new Map();
  journal: Journal | undefined;
  #vhost: string;

  constructor(vhost: string) {
    this.#vhost = vhost;
    for (const [name, type] of builtIn) {
      const options = { name, type, durable: true, autoDelete: false, internal: false, arguments: {} };
      this.byName.set(name, new Exchange(options));
    }
  }

  /** Throws 404. */
  get(name: string): Exchange {
    const exchange = this.byName.get(name);
    if (exchange === undefined) throw noExchange(name, this.#vhost);
    return exchange;
  }

  /** Throws 503 for an unknown type, 403 for a reserved name, 406 for another one of that name. */
  declare(declaration: ExchangeDeclaration): Exchange {
    const { name, type, durable } = declaration;
    if (!exchangeTypes.includes(type)) {
      throw new AmqpError(503, `unknown exchange type '${type}'`, { hard: true });
    }
    assertNotDefault(name);
    const present = this.byName.get(name);
    if (present !== undefined) {
      assertSameExchange(present, declaration, this.#subject(name));
      return present;
    }
    if (name.startsWith('amq.')) {
      throw new AmqpError(403, `exchange name '${name}' contains reserved prefix 'amq.*'`);
    }
    const { 'alternate-exchange': alternate } = declaration.arguments;
    if (alternate !== undefined && typeof alternate !== 'string') {
      const wrong = erlangType(alternate);
      throw new AmqpError(
        406,
        `invalid type '${wrong}' for arg 'alternate-exchange' in ${this.#subject(name)}`,
      );
    }
    const exchange = new Exchange({ ...declaration, type: type as ExchangeType });
    if (durable) this.journal?.exchangeDeclared(exchange.options);
    this.byName.set(name, exchange);
    return exchange;
  }

  /** Throws 403 for the broker's own, 406 when it is used and must not be. */
  delete(name: string, ifUnused: boolean): void {
    assertNotDefault(name);
    if (name.startsWith('amq.')) {
      throw new AmqpError(403, `deletion of system ${this.#subject(name)} not allowed`);
    }
    const exchange = this.byName.get(name);
    if (exchange === undefined) return;
    if (ifUnused && exchange.bindings.size > 0) throw new AmqpError(406, `${this.#subject(name)} in use`);
    this.#remove(exchange);
  }

  /** A destination is gone, and so are its bindings. */
  forget(destination: Destination): void {
    for (const exchange of [...this.byName.values()]) {
      if (exchange.forget(destination)) this.afterUnbind(exchange);
    }
  }

  /** The last binding takes an auto-delete exchange with it. */
  afterUnbind(exchange: Exchange): void {
    if (exchange.options.autoDelete && exchange.bindings.size === 0) this.#remove(exchange);
  }

  #remove(exchange: Exchange): void {
    if (!this.byName.delete(exchange.name)) return;
    if (exchange.options.durable) this.journal?.exchangeDeleted(exchange.name);
    this.forget({ kind: 'exchange', name: exchange.name });
  }

  #subject(name: string): string {
    return `exchange '${name}' in vhost '${this.#vhost}'`;
  }
}

/** Throws 403. */
export function assertNotDefault(exchange: string): void {
  if (exchange === '') throw new AmqpError(403, 'operation not permitted on the default exchange');
}

function assertSameExchange({ options }: Exchange, declaration: ExchangeDeclaration, subject: string): void {
  const { type, durable, autoDelete, internal, arguments: args } = declaration;
  assertSame('type', { wanted: type, present: options.type, subject });
  assertSame('durable', { wanted: durable, present: options.durable, subject });
  assertSame('auto_delete', { wanted: autoDelete, present: options.autoDelete, subject });
  assertSame('internal', { wanted: internal, present: options.internal, subject });
  const wanted = args['alternate-exchange'];
  assertSame('alternate-exchange', { wanted, present: options.arguments['alternate-exchange'], subject });
}
