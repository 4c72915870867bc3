/**
 * The broker as a TCP server: for development and tests. It keeps nothing when it ends, and listens on loopback only
 * unless it is told otherwise.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import { systemClock } from '@celeriac/core';

import type { Clock } from '../engine/clock.js';
import { type ProfileName, profiles } from '../engine/profile.js';
import type { Queue } from '../engine/queue.js';
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
  #leftCallbacks = new Set<() => void>();

  constructor(options: BrokerOptions) {
    const { vhosts = ['/'], users = { guest: 'guest' }, clock = machineClock } = options;
    const profile = profiles[options.profile ?? '3.10'];
    const left = (): void => {
      for (const callback of [...this.#leftCallbacks]) callback();
    };
    this.#vhosts = new Map(vhosts.map((name) => [name, new Vhost(name, { clock, profile, left })]));
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

  /** The queues of a virtual host. */
  queues(vhost = '/'): readonly Queue[] {
    return [...(this.#vhosts.get(vhost)?.queues ?? [])];
  }

  /** Calls back whenever messages have left a queue for good. Returns a function that forgets the callback. */
  onLeft(callback: () => void): () => void {
    this.#leftCallbacks.add(callback);
    return () => void this.#leftCallbacks.delete(callback);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const connection of this.#connections) connection.destroy();
    await once(this.#server, 'close');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
