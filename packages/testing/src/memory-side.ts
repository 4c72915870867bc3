/**
 * What a worker is given in place of a broker: subscriptions that get what is handed to them, and the bindings of
 * applications, to know who an event is for. Stores no messages and moves none.
 */
import { EventEmitter } from 'node:events';

import {
  compilePattern,
  type ConsumerEvents,
  type ConsumerOptions,
  type Delivery,
  type SessionEvents,
  type Topology,
} from '@celeriac/core';
import type { Side, SideConsumer, SideSession } from '@celeriac/worker';

import { allDeclared, type RecordingSink } from './recording-sink.js';

interface Binding {
  readonly queue: string;
  readonly exchange: string;
  readonly matches: (routingKey: string) => boolean;
}

export class MemorySide implements Side {
  readonly publishing: Side['publishing'];
  readonly session: SideSession = new MemorySession();
  readonly declarer: Side['declarer'];
  readonly applications: Side['applications'] = {
    register: () => Promise.resolve(),
    list: () => Promise.resolve([]),
  };
  readonly cancelled: Side['cancelled'] = { list: () => Promise.resolve([]) };
  #consumers = new Map<string, MemoryConsumer>();
  #bindings: Binding[] = [];

  constructor(sink: RecordingSink) {
    const transient = { publish: () => undefined, close: () => Promise.resolve() };
    this.publishing = { session: this.session, sink, transient, declarer: allDeclared };
    this.declarer = { declare: (topology) => this.#declare(topology) };
  }

  openConsumer(options: Omit<ConsumerOptions, 'session'>): SideConsumer {
    const consumer = new MemoryConsumer(options);
    this.#consumers.set(options.queue, consumer);
    return consumer;
  }

  consumer(queue: string): MemoryConsumer | undefined {
    return this.#consumers.get(queue);
  }

  /** The queues that an event with this routing key would reach, sorted. */
  queuesFor(exchange: string, routingKey: string): readonly string[] {
    const bound = this.#bindings.filter((one) => one.exchange === exchange && one.matches(routingKey));
    return [...new Set(bound.map(({ queue }) => queue))].sort();
  }

  #declare({ bindings }: Topology): Promise<void> {
    for (const { queue, exchange, routingKey } of bindings) {
      this.#bindings.push({ queue, exchange, matches: compilePattern(routingKey) });
    }
    return Promise.resolve();
  }
}

/** Always connected. */
class MemorySession implements SideSession {
  readonly events: EventEmitter<SessionEvents> = new EventEmitter<SessionEvents>();

  ready(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class MemoryConsumer implements SideConsumer {
  readonly events: EventEmitter<ConsumerEvents> = new EventEmitter<ConsumerEvents>();
  readonly queue: string;
  subscribed = false;
  #options: Omit<ConsumerOptions, 'session'>;

  constructor(options: Omit<ConsumerOptions, 'session'>) {
    this.#options = options;
    this.queue = options.queue;
  }

  start(): void {
    void this.#options.declare().then(() => {
      this.subscribed = true;
      this.events.emit('subscribed');
    });
  }

  deliver(delivery: Delivery): void {
    this.#options.onDelivery(delivery);
  }

  quiet(): Promise<void> {
    return this.cancel();
  }

  resume(): Promise<void> {
    this.subscribed = true;
    this.events.emit('subscribed');
    return Promise.resolve();
  }

  setPrefetch(): Promise<void> {
    return Promise.resolve(); // what is handed to it is handed over
  }

  cancel(): Promise<void> {
    this.subscribed = false;
    return Promise.resolve();
  }

  flush(): void {
    // Nothing is written, so nothing waits to be.
  }

  close(): Promise<void> {
    return this.cancel();
  }
}
