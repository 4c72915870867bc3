/**
 * The connections to one broker on a thread of their own (ADR 0020): heartbeats, reads and acknowledgements go on while
 * a handler blocks the main thread. The same port as `openSide`; what happens there is reported here, in order.
 */
import {
  type BrokerAccess,
  type BrokerOptions,
  type CeleriacError,
  type Config,
  connectionString,
  type ConsumerOptions,
  formatConnectionString,
  type Section,
  serviceName,
  withoutKeys,
} from '@celeriac/core';

import type { Side, SideConsumer } from '../side.js';
import { Link, type LinkParts } from './link.js';
import type { Boot } from './protocol.js';
import { ThreadConsumer } from './thread-consumer.js';
import { ThreadDeclarer } from './thread-declarer.js';
import { ThreadSession } from './thread-session.js';
import { ThreadSink, threadTransient } from './thread-sink.js';
import { celeriacFromWire } from './wire-error.js';

const ownScript = new URL('./thread.js', import.meta.url);

/** `script` is for tests. @internal */
export class ThreadSide implements Side {
  readonly publishing: {
    readonly session: ThreadSession;
    readonly sink: ThreadSink;
    readonly transient: Side['publishing']['transient'];
    readonly declarer: ThreadDeclarer;
  };
  readonly session: ThreadSession;
  readonly declarer: ThreadDeclarer;
  readonly applications: Side['applications'];
  readonly cancelled: Side['cancelled'] = { list: () => this.#link.ask('list-cancelled') };
  #options: BrokerOptions;
  #link: Link;
  #consumers: ThreadConsumer[] = [];
  #staleSettles = 0;
  /** Sessions and sink: the thread ends with the last of them. */
  #open = 3;

  constructor(options: BrokerOptions, section: Section, script: URL = ownScript) {
    this.#options = options;
    const link = (): Link => this.#link;
    const onClosed = (): Promise<void> => this.#closedOne();
    const { config, logger, clock, access } = options;
    this.declarer = new ThreadDeclarer(link);
    this.session = new ThreadSession({ which: 'consuming', link, onClosed });
    this.publishing = {
      session: new ThreadSession({ which: 'publishing', link, onClosed }),
      sink: new ThreadSink({ link, declarer: this.declarer, limits: config.tasks, onClosed }),
      transient: threadTransient(link),
      declarer: this.declarer,
    };
    this.applications = {
      register: (name, patterns) => this.#link.request({ kind: 'register', name, patterns }),
      list: () => this.#link.ask('list-applications'),
    };
    this.#link = new Link({
      boot: bootOf(config, access, section),
      logger,
      clock,
      script,
      onMessage: (message) => this.#receive(message),
      onCrash: (error) => this.#crashed(error),
      onRestart: () => this.#restarted(),
    });
  }

  /** Settlings that came after their channel was gone: nothing was written for them. */
  get staleSettles(): number {
    return this.#staleSettles;
  }

  readonly openConsumer = (options: Omit<ConsumerOptions, 'session'>): SideConsumer => {
    const consumer = new ThreadConsumer({
      number: this.#consumers.length,
      options,
      topologies: this.declarer.record(() => options.declare()).topologies,
      link: this.#link,
      onStale: () => this.#stale(),
    });
    this.#consumers.push(consumer);
    return consumer;
  };

  #receive(message: Parameters<LinkParts['onMessage']>[0]): void {
    switch (message.kind) {
      case 'deliveries':
        this.#consumer(message.batch.consumer).deliver(message.batch);
        return;
      case 'channel-lost':
        this.#consumer(message.consumer).channelLost(message.loss);
        return;
      case 'subscribed':
        this.#consumer(message.consumer).nowSubscribed();
        return;
      case 'unsubscribed':
        this.#consumer(message.consumer).unsubscribed(celeriacFromWire(message.error));
        return;
      case 'consumer-failed':
        this.#consumer(message.consumer).failed(celeriacFromWire(message.error));
        return;
      case 'stale':
        this.#stale();
        return;
      case 'session':
        (message.which === 'consuming' ? this.session : this.publishing.session).happened(message);
    }
  }

  #consumer(number: number): ThreadConsumer {
    return this.#consumers[number] as ThreadConsumer;
  }

  #stale(): void {
    this.#staleSettles++;
    this.#options.logger.debug('settled too late: its channel is gone, the broker redelivers', {
      count: this.#staleSettles,
    });
  }

  #crashed(error: CeleriacError): void {
    for (const consumer of this.#consumers) consumer.crashed(error);
    this.session.crashed(error);
    this.publishing.session.crashed(error);
  }

  #restarted(): void {
    this.declarer.restarted();
    for (const consumer of this.#consumers) consumer.open();
  }

  async #closedOne(): Promise<void> {
    this.#open--;
    if (this.#open === 0) await this.#link.close();
  }
}

/** Addresses in full, with their passwords: nothing else of it is secret. Nothing is signed in the thread. */
function bootOf(
  config: Config,
  { tls, embedded }: BrokerAccess,
  section: Section,
): Omit<Boot, 'settlements'> {
  const { connection_string: _tasks, ...tasks } = withoutKeys(config.tasks);
  const { connection_string: _events, ...events } = withoutKeys(config.events);
  const addresses = (of: Section): string =>
    formatConnectionString(
      connectionString(config, of).addresses.map((address) => embedded.get(address) ?? address),
    );
  return {
    section,
    config: { ...config, service: serviceName(config), tasks, events },
    addresses: { tasks: addresses('tasks'), events: addresses('events') },
    tls: tls && {
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      serverName: tls.serverName,
      verify: tls.verify,
    },
  };
}
