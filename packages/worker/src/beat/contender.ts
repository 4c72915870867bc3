/**
 * One of any number of processes of which one is active: stands in the line of the queue's consumers, and begins a
 * lease on every channel. Stands in line anew when a lease fails. Decides nothing about schedules.
 */
import {
  type CeleriacError,
  type Clock,
  Consumer,
  type Declarer,
  type Delivery,
  type Logger,
  type Session,
  type Topology,
} from '@celeriac/core';

import { Lease, type LeaseOptions } from './lease.js';

export interface ContenderOptions {
  readonly queue: string;
  readonly topology: Topology;
  readonly session: Session;
  readonly declarer: Declarer;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Publishes over the session; one for every lease. */
  readonly openSink: () => LeaseOptions['sink'];
  readonly onTurn: (lease: Lease) => void;
  /** In line, the first time and again. */
  readonly onSubscribed: () => void;
  /** It will not get in line: given up before the first time. */
  readonly onFailed: (error: CeleriacError) => void;
}

/** The state, its successor, a mark, and the commands that wait. */
const prefetch = 1_000;
const pauseMs = 1_000;

export class Contender {
  #options: ContenderOptions;
  #consumer: Consumer | undefined;
  #lease: Lease | undefined;
  #stopping = new AbortController();

  constructor(options: ContenderOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopping.signal.aborted) return;
    const { queue, topology, session, declarer, logger, clock, onSubscribed, onFailed } = this.#options;
    const consumer = new Consumer({
      session,
      queue,
      prefetch,
      declare: () => declarer.declare(topology),
      onDelivery: (delivery) => this.#receive(delivery),
      onChannelLost: () => this.#endLease(),
      logger,
      clock,
    });
    this.#consumer = consumer;
    consumer.events.on('subscribed', () => {
      this.#current().knock();
      onSubscribed();
    });
    consumer.events.on('failed', onFailed);
    consumer.start();
  }

  /** Leaves the line: the next one is active at once. Resolves when its channel is closed, or two seconds later. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#consumer?.close();
    this.#endLease();
  }

  #receive(delivery: Delivery): void {
    this.#current().receive(delivery);
  }

  /** Deliveries may come with the very frame that says that they will. */
  #current(): Lease {
    const { queue, logger, clock, openSink, onTurn } = this.#options;
    this.#lease ??= new Lease({
      queue,
      sink: openSink(),
      logger,
      clock,
      onTurn,
      onFailure: (error) => void this.#again(error),
    });
    return this.#lease;
  }

  #endLease(): void {
    this.#lease?.end();
    this.#lease = undefined;
  }

  /** To the end of the line: another process may have more luck. */
  async #again(error: unknown): Promise<void> {
    const { queue, logger, clock } = this.#options;
    if (this.#stopping.signal.aborted) return;
    logger.error('beat gives up its turn', { queue, error });
    const consumer = this.#consumer;
    await consumer?.close();
    this.#endLease();
    await clock.sleep(pauseMs, this.#stopping.signal);
    this.start();
  }
}
