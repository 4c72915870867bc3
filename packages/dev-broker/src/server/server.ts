/**
 * The broker as a TCP server: for development and tests. It keeps nothing when it ends unless it has a directory for
 * that, and listens on loopback only unless it is told otherwise.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

import {
  CeleriacError,
  createLogger,
  formatConnectionString,
  guarded,
  isLoopback,
  type Logger,
  systemClock,
} from '@celeriac/core';

import type { Clock } from '../engine/clock.js';
import {
  type BindingDescription,
  type ConsumerDescription,
  describeBindings,
  describeConsumers,
  describeExchanges,
  describeMessages,
  describeQueues,
  type ExchangeDescription,
  type MessageDescription,
  type QueueDescription,
} from '../engine/describe.js';
import { type ProfileName, profileNamed } from '../engine/profile.js';
import { Vhost } from '../engine/vhost.js';
import { FaultDial } from '../faults/dial.js';
import { type DataJournal, openDataJournal } from '../journal/data-journal.js';
import { keep } from '../journal/vhost-journal.js';
import { Connection } from './connection.js';

export interface BrokerOptions {
  /** Default 0: the system picks one. */
  readonly port?: number;
  /** Default `127.0.0.1`. Another than a loopback address is refused, unless `allowRemote` says otherwise. */
  readonly host?: string;
  /** Lets other machines in. Asks for `users` of your own: `guest` is for loopback, as in RabbitMQ. */
  readonly allowRemote?: boolean;
  /** Virtual hosts. Default `/`. */
  readonly vhosts?: readonly string[];
  /** User to password. Default `guest`, `guest`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Time of messages and queues. Default: the machine's; connections always have that. */
  readonly clock?: Clock;
  /** The version of RabbitMQ to behave like. Default `3.10`. */
  readonly profile?: ProfileName;
  /** False lets the process end while the broker listens. Default true. */
  readonly keepsProcessAlive?: boolean;
  /** Milliseconds that a client may hold a delivery; 0 is for ever. Default half an hour, as RabbitMQ. */
  readonly consumerTimeout?: number;
  /** Milliseconds that a client may take to open its connection. Default 10 000, as RabbitMQ. */
  readonly handshakeTimeout?: number;
  /** Bytes of a body. Default: 128 MiB, and 16 MiB since 4.0. */
  readonly maxMessageSize?: number;
  /** A directory for what is durable. Default: nothing is kept. One broker at a time uses it. */
  readonly data?: string;
  /** With `data`: waits for the disk before it confirms, for power failures; several times slower. Default false. */
  readonly sync?: boolean;
  /** Told of trouble with `data`. Default: standard error, from warnings on. */
  readonly logger?: Logger;
}

const machineClock: Clock = {
  now: () => systemClock.now(),
  // Waiting for a message to expire keeps no process alive.
  after: (ms, callback) => systemClock.after(ms, callback, { ref: false }),
};

/**
 * Starts a broker. Resolves when it listens; rejects with ERR_BIND_REFUSED, ERR_INPUT_INVALID or why it cannot; with `data`, also with
 * ERR_DATA_LOCKED, ERR_JOURNAL_CORRUPT, ERR_JOURNAL_VERSION or ERR_JOURNAL_WRITE.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<DevBroker> {
  mustBeAllowed(options);
  profileNamed(options.profile); // before a directory is made
  const data = openData(options);
  try {
    const broker = new DevBroker(options, data);
    await broker.listen(options.port ?? 0, options.host ?? '127.0.0.1');
    return broker;
  } catch (error) {
    data?.close();
    throw error;
  }
}

function openData({ data, sync, logger }: BrokerOptions): DataJournal | undefined {
  if (data === undefined) return undefined;
  return openDataJournal({
    directory: data,
    sync,
    logger: guarded(logger ?? createLogger({ level: 'warn' })),
  });
}

export type { DevBroker };

class DevBroker implements AsyncDisposable {
  /** What is to go wrong: nothing, until it is dialled. */
  readonly faults: FaultDial;
  #server: Server;
  #connections = new Set<Connection>();
  #vhosts: Map<string, Vhost>;
  #addVhost: (name: string) => void;
  #login: readonly [username: string, password: string];
  #leftCallbacks = new Set<() => void>();
  #data: DataJournal | undefined;

  constructor(options: BrokerOptions, data: DataJournal | undefined) {
    const { vhosts = ['/'], users = { guest: 'guest' }, clock = machineClock } = options;
    const { consumerTimeout, maxMessageSize } = options;
    const profile = profileNamed(options.profile);
    const left = (): void => {
      for (const callback of [...this.#leftCallbacks]) callback();
    };
    this.#vhosts = new Map();
    this.#login = Object.entries(users)[0] ?? ['guest', 'guest'];
    this.#data = data;
    this.#addVhost = (name) => {
      const vhost = new Vhost(name, { clock, profile, consumerTimeout, maxMessageSize, left });
      if (data !== undefined) keep(vhost, data);
      this.#vhosts.set(name, vhost);
    };
    vhosts.forEach(this.#addVhost);
    this.faults = new FaultDial({ connections: () => this.connections, vhosts: this.#vhosts, clock });
    const shared = {
      clock: machineClock,
      vhosts: this.#vhosts,
      keep: () => data?.flush(),
      users: new Map(Object.entries(users)),
      version: profile.version,
      smallestFrame: profile.smallestFrame,
      handshakeTimeout: options.handshakeTimeout,
      heartbeat: 60,
      faults: this.faults,
    };
    const { keepsProcessAlive = true } = options;
    this.#server = createServer((socket) => {
      if (!keepsProcessAlive) socket.unref();
      if (this.faults.refuses) {
        socket.destroy();
        return;
      }
      const closed = (connection: Connection): void => void this.#connections.delete(connection);
      this.#connections.add(new Connection({ ...shared, socket, closed }));
    });
    if (!keepsProcessAlive) this.#server.unref();
  }

  /** Makes a virtual host, unless it is there. */
  addVhost(name: string): void {
    if (!this.#vhosts.has(name)) this.#addVhost(name);
  }

  async listen(port: number, host: string): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  /** False once it was stopped. */
  get isListening(): boolean {
    return this.#server.listening;
  }

  /** Where it listens. */
  get host(): string {
    return (this.#server.address() as AddressInfo).address;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** A connection string for it, as its first user: a secret, where users are its own. */
  get url(): string {
    const [username, password] = this.#login;
    const hostname = ['0.0.0.0', '::'].includes(this.host) ? '127.0.0.1' : this.host;
    return formatConnectionString([
      { protocol: 'amqp', hostname, port: this.port, username, password, vhost: '/' },
    ]);
  }

  /** Where it keeps what is durable; absent: nowhere. */
  get data(): string | undefined {
    return this.#data?.directory;
  }

  get connections(): readonly Connection[] {
    return [...this.#connections];
  }

  /** The queues of a virtual host, as they are now. */
  queues(vhost = '/'): readonly QueueDescription[] {
    return this.#described(vhost, describeQueues);
  }

  /** The messages that wait in a queue, next first. They stay there. */
  messages(queue: string, vhost = '/'): readonly MessageDescription[] {
    return this.#described(vhost, (one) => describeMessages(one, queue));
  }

  /** Takes away what waits in a queue. Gives how many. */
  purge(queue: string, vhost = '/'): number {
    return this.#vhosts.get(vhost)?.find(queue)?.purge() ?? 0;
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

  /** Calls back whenever messages have left a queue for good. Returns a function that forgets the callback. */
  onLeft(callback: () => void): () => void {
    this.#leftCallbacks.add(callback);
    return () => void this.#leftCallbacks.delete(callback);
  }

  async stop(): Promise<void> {
    this.#server.close();
    // All at once: none is given what another one held, which would count as a delivery that came back.
    for (const connection of this.#connections) connection.stall();
    for (const connection of this.#connections) connection.destroy();
    this.#data?.close();
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

function mustBeAllowed({ host = '127.0.0.1', allowRemote = false, users }: BrokerOptions): void {
  if (isLoopback(host)) return;
  const isOpen = users === undefined || users.guest === 'guest';
  if (allowRemote && !isOpen) return;
  throw new CeleriacError('ERR_BIND_REFUSED', {
    message: `The embedded broker does not listen on ${host}: it is for development and tests on this machine.`,
    hint: allowRemote
      ? 'Give it users of its own: other machines may not log in as guest.'
      : 'Listen on 127.0.0.1, or allow other machines (allowRemote, --allow-remote) and give it users of its own.',
    values: { host },
  });
}
