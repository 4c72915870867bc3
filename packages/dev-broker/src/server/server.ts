/**
 * The broker as a TCP server: for development and tests. It keeps nothing when it ends, and listens on loopback only
 * unless it is told otherwise.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { systemClock } from '@celeriac/core';

import type { Clock } from '../engine/clock.js';
import {
  type BindingDescription,
  type ConsumerDescription,
  describeBindings,
  describeConsumers,
  describeExchanges,
  describeQueues,
  type ExchangeDescription,
  type QueueDescription,
} from '../engine/describe.js';
import { type ProfileName, profiles } from '../engine/profile.js';
import { Vhost } from '../engine/vhost.js';
import { Connection } from './connection.js';

export interface BrokerOptions {
  /** Default 0: the system picks one. */
  readonly port?: number;
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Virtual hosts. Default `/`. */
  readonly vhosts?: readonly string[];
  /** User to password. Default `guest`, `guest`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Time of messages and queues. Default: the machine's; connections always have that. */
  readonly clock?: Clock;
  /** The version of RabbitMQ to behave like. Default `3.10`. */
  readonly profile?: ProfileName;
  /** Milliseconds that a client may hold a delivery; 0 is for ever. Default half an hour, as RabbitMQ. */
  readonly consumerTimeout?: number;
  /** Bytes of a body. Default: 128 MiB, and 16 MiB since 4.0. */
  readonly maxMessageSize?: number;
}

const machineClock: Clock = {
  now: () => systemClock.now(),
  // Waiting for a message to expire keeps no process alive.
  after: (ms, callback) => systemClock.after(ms, callback, { ref: false }),
};

/** Starts a broker. Resolves when it listens. */
export async function startBroker(options: BrokerOptions = {}): Promise<DevBroker> {
  const broker = new DevBroker(options);
  await broker.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  return broker;
}

export type { DevBroker };

class DevBroker implements AsyncDisposable {
  #server: Server;
  #connections = new Set<Connection>();
  #vhosts: Map<string, Vhost>;

  constructor(options: BrokerOptions) {
    const { vhosts = ['/'], users = { guest: 'guest' }, clock = machineClock } = options;
    const { consumerTimeout, maxMessageSize } = options;
    const profile = profiles[options.profile ?? '3.10'];
    this.#vhosts = new Map(
      vhosts.map((name) => [name, new Vhost(name, { clock, profile, consumerTimeout, maxMessageSize })]),
    );
    const shared = {
      clock: machineClock,
      vhosts: this.#vhosts,
      users: new Map(Object.entries(users)),
      version: profile.version,
      heartbeat: 60,
    };
    this.#server = createServer((socket) => {
      const closed = (connection: Connection): void => void this.#connections.delete(connection);
      this.#connections.add(new Connection({ ...shared, socket, closed }));
    });
  }

  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A connection string for it. */
  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.port}//`;
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** The queues of a virtual host, as they are now. */
  queues(vhost = '/'): readonly QueueDescription[] {
    return this.#described(vhost, describeQueues);
  }

  exchanges(vhost = '/'): readonly ExchangeDescription[] {
    return this.#described(vhost, describeExchanges);
  }

  bindings(vhost = '/'): readonly BindingDescription[] {
    return this.#described(vhost, describeBindings);
  }

  consumers(vhost = '/'): readonly ConsumerDescription[] {
    return this.#described(vhost, describeConsumers);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #described<T>(name: string, describe: (vhost: Vhost) => T[]): T[] {
    const vhost = this.#vhosts.get(name);
    return vhost === undefined ? [] : describe(vhost);
  }
}
