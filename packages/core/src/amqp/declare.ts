/**
 * Makes a topology exist. Something that exists with other arguments is used as it is where that is safe, with
 * one warning that names the difference; where it is not (a queue that does not survive a restart), the error
 * names argument, wanted and present value. Deletes nothing.
 */
import type { Channel } from 'amqplib';

import type { Clock } from '../clock.js';
import { errorText } from '../errors.js';
import type { Logger } from '../logger.js';
import { type Inequivalence, inequivalentArgument, replyCode } from './channel-error.js';
import { DeclareChannel } from './declare-channel.js';
import { mendIt, mismatch, type Subject, topologyError } from './declare-error.js';
import { understoodArguments } from './server-version.js';
import type { Session } from './session.js';
import type { BindingSpec, ExchangeBindingSpec, ExchangeSpec, QueueSpec, Topology } from './topology.js';

/** Without these a confirmed message can vanish, or go to two who each believe to be the only one: refused. */
const unsafe = ['durable', 'auto_delete', 'exclusive', 'x-single-active-consumer'];
export const unsafeArguments: ReadonlySet<string> = new Set(unsafe);

export interface DeclarerOptions {
  readonly session: Session;
  readonly logger: Logger;
  readonly clock: Clock;
  /** False declares nothing and only checks that all of it exists. */
  readonly create: boolean;
}

/** What publishing asks of it. */
export type Ensures = Pick<Declarer, 'ensure' | 'forget'>;

export class Declarer {
  #options: DeclarerOptions;
  #warned: Set<string>;
  /** What exists on the connection of this generation: settled, or being declared. */
  #known = new Map<string, Promise<void> | 'declared'>();
  #knownGeneration = -1;

  constructor(options: DeclarerOptions, warned: Set<string> = new Set()) {
    this.#options = options;
    this.#warned = warned;
  }

  /** The same over another connection to the same broker: what one has warned of, the other does not repeat. */
  over(session: Session): Declarer {
    return new Declarer({ ...this.#options, session }, this.#warned);
  }

  /** Declares `topology`, always. Rejects with ERR_TOPOLOGY_…, or what ended the connection. */
  async declare(topology: Topology): Promise<void> {
    const connection = await this.#options.session.ready({ failOnRefusal: false });
    const create = this.#options.create || topology.isPassing === true;
    const channels = new DeclareChannel(connection, this.#options.clock);
    try {
      for (const exchange of topology.exchanges) await this.#exchange(channels, exchange, create);
      for (const queue of topology.queues) await this.#queue(channels, queue, { ...topology, create });
      // There is no passive form of a binding: the queue and the exchange were checked.
      if (!create) return;
      for (const binding of topology.bindings) await this.#binding(channels, binding);
      for (const binding of topology.exchangeBindings ?? []) await this.#exchangeBinding(channels, binding);
    } finally {
      channels.close();
    }
  }

  /** Removes bindings; one that does not exist is fine (RabbitMQ answers with success). */
  async unbind(bindings: readonly BindingSpec[]): Promise<void> {
    if (bindings.length === 0) return;
    const channels = new DeclareChannel(
      await this.#options.session.ready({ failOnRefusal: false }),
      this.#options.clock,
    );
    try {
      for (const { queue, exchange, routingKey } of bindings) {
        await channels.run((channel) => channel.unbindQueue(queue, exchange, routingKey));
      }
    } finally {
      channels.close();
    }
  }

  /** Declares once per connection under `key`; undefined when that is done. A failure is tried again by the next call. */
  ensure(key: string, topology: () => Topology): Promise<void> | undefined {
    const { generation } = this.#options.session;
    if (this.#knownGeneration !== generation) {
      this.#known.clear();
      this.#knownGeneration = generation;
    }
    const known = this.#known.get(key);
    if (known !== undefined) return known === 'declared' ? undefined : known;
    const declaring = this.declare(topology());
    this.#known.set(key, declaring);
    const settle = (done: boolean): void => {
      if (this.#known.get(key) !== declaring) return; // a newer connection began anew
      if (done) this.#known.set(key, 'declared');
      else this.#known.delete(key);
    };
    declaring.then(
      () => settle(true),
      () => settle(false),
    );
    return declaring;
  }

  /** Makes the next `ensure` of `key` declare again. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  async #queue(
    channels: DeclareChannel,
    { name, arguments: wanted, isExclusive: exclusive = false }: QueueSpec,
    { family, create }: Pick<Topology, 'family'> & { readonly create: boolean },
  ): Promise<void> {
    const durable = !exclusive;
    const { understood, dropped } = understoodArguments(wanted, channels.serverVersion);
    if (dropped !== undefined) this.#warnOfVersion(dropped, channels.serverVersion);
    await this.#make(
      channels,
      { kind: 'queue', name, family },
      {
        create,
        assert: (channel) => channel.assertQueue(name, { durable, exclusive, arguments: understood }),
        check: (channel) => channel.checkQueue(name),
      },
    );
  }

  async #exchange(channels: DeclareChannel, spec: ExchangeSpec, create: boolean): Promise<void> {
    const { name, type, isTransient = false } = spec;
    await this.#make(
      channels,
      { kind: 'exchange', name, isTransient },
      {
        create,
        assert: (channel) => channel.assertExchange(name, type, { durable: !isTransient }),
        check: (channel) => channel.checkExchange(name),
      },
    );
  }

  #binding(channels: DeclareChannel, { queue, exchange, routingKey }: BindingSpec): Promise<void> {
    const name = `${exchange} → ${queue} (${routingKey})`;
    return this.#bind(channels, name, (channel) => channel.bindQueue(queue, exchange, routingKey));
  }

  #exchangeBinding(
    channels: DeclareChannel,
    { destination, source, routingKey }: ExchangeBindingSpec,
  ): Promise<void> {
    const name = `${source} → ${destination} (${routingKey})`;
    return this.#bind(channels, name, (channel) => channel.bindExchange(destination, source, routingKey));
  }

  async #bind(channels: DeclareChannel, name: string, bind: How['assert']): Promise<void> {
    try {
      await channels.run(bind);
    } catch (error) {
      throw topologyError(error, { kind: 'binding', name });
    }
  }

  async #make(channels: DeclareChannel, subject: Subject, how: How): Promise<void> {
    try {
      if (how.create) await channels.run(how.assert);
      else await channels.run(how.check);
    } catch (error) {
      const difference = inequivalentArgument(errorText(error));
      const refused = (error as { code?: number }).code === replyCode.accessRefused;
      if (difference === undefined && !refused) throw topologyError(error, subject);
      if (difference !== undefined) this.#acceptDifference(subject, difference, error);
      // Not allowed to create it, or it differs harmlessly: it only has to exist.
      await channels.run(how.check).catch(() => {
        throw topologyError(error, subject);
      });
    }
  }

  #warnOfVersion(argument: string, version: string | undefined): void {
    if (this.#warned.has(argument)) return;
    this.#warned.add(argument);
    this.#options.logger.warn(`the broker is too old for ${argument}: queues are declared without it`, {
      version,
    });
  }

  #acceptDifference(subject: Subject, difference: Inequivalence, cause: unknown): void {
    const { kind, name, family, isTransient = false } = subject;
    const { argument, wanted, present } = difference;
    const isUnsafe =
      kind === 'exchange' ? !isTransient || argument === 'type' : unsafeArguments.has(argument);
    if (isUnsafe) throw mismatch(subject, difference, cause);
    const key = `${family ?? `${kind} ${name}`} ${argument}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.#options.logger.warn(`${kind} '${name}' exists with another ${argument}; it is used as it is`, {
      [kind]: name,
      argument,
      wanted,
      present,
      ...(kind === 'queue' ? { mend: mendIt } : {}),
    });
  }
}

interface How {
  /** False only checks. */
  readonly create: boolean;
  readonly assert: (channel: Channel) => Promise<unknown>;
  readonly check: (channel: Channel) => Promise<unknown>;
}
