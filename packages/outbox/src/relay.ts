/**
 * The relay: takes committed rows from the outbox in order, publishes them with confirms, and removes them. At least
 * once: a row goes only after its confirm, and whatever happens before is done again under the same id. Drops nothing:
 * a row that cannot be published is set aside with its error. Several relays share one outbox.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';

import {
  backoffMs,
  CeleriacError,
  type Clock,
  guarded,
  isCeleriacError,
  type Logger,
  notifier,
  silentLogger,
  systemClock,
  type Tell,
  waitAtMost,
  withDeadline,
} from '@celeriac/core';

import { Flight } from './flight.js';
import type { Ending, OutboxStats, OutboxStore } from './ports.js';
import {
  milliseconds,
  type RelayEvents,
  type RelayOptions,
  type RelaySettings,
  relaySettings,
  type RelayStopOptions,
  type RelayStopReport,
} from './relay-options.js';
import { storeFailed, storeSilent } from './store-error.js';
import { WakeUp } from './wake-up.js';

/** How long a round waits for its confirms before the next is taken: one that is late holds up nobody. */
const roundMs = 250;
const firstPauseMs = 250;
const longestPauseMs = 30_000;

/** What cannot be used. */
type Pausing = 'database' | 'broker';

export class OutboxRelay implements AsyncDisposable {
  readonly #owner = randomUUID();
  readonly #store: OutboxStore<never>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settings: RelaySettings;
  readonly #flight: Flight;
  readonly #wakeUp: WakeUp;
  readonly #listeners = new EventEmitter<RelayEvents>();
  readonly #tell: Tell<RelayEvents>;
  /** No further rows are taken. */
  readonly #stopping = new AbortController();
  /** Nobody waits any more. */
  readonly #over = new AbortController();
  /** What the database has to be told. */
  #unsettled: Ending[] = [];
  #failures = 0;
  #pausedFor: Pausing | undefined;
  #running: Promise<void> | undefined;
  #stopped: Promise<RelayStopReport> | undefined;

  /** Throws ERR_INPUT_INVALID for a duration that is none. */
  constructor(options: RelayOptions) {
    const { store, publisher, clock = systemClock, logger = silentLogger } = options;
    this.#store = store;
    this.#clock = clock;
    this.#logger = guarded(logger);
    this.#settings = relaySettings(options);
    this.#tell = notifier(this.#listeners, this.#logger);
    const common = { clock, logger: this.#logger };
    this.#flight = new Flight({ ...common, publisher, settings: this.#settings, tell: this.#tell });
    this.#wakeUp = new WakeUp({ ...common, store });
  }

  /** Starts relaying, in the background. It neither waits for the database nor for the broker. Throws ERR_CLOSED after a stop. */
  start(): this {
    if (this.#stopped !== undefined) {
      throw new CeleriacError('ERR_CLOSED', { message: 'This relay was stopped.', hint: 'Make a new one.' });
    }
    if (this.#running !== undefined) return this;
    this.#wakeUp.start();
    this.#running = this.#run();
    return this;
  }

  /** Looks into the outbox at once, instead of at the next poll. */
  wake(): void {
    this.#wakeUp.ring();
  }

  /** What waits in the outbox, for metrics and alarms. Rejects with ERR_OUTBOX_STORE. */
  stats(): Promise<OutboxStats> {
    return this.#ask('count the outbox', () => this.#store.stats());
  }

  /** Watches the relay. A listener that throws is logged, and changes nothing. */
  on<Name extends keyof RelayEvents>(name: Name, listener: (...args: RelayEvents[Name]) => void): this {
    this.#listeners.on(name, listener as never);
    return this;
  }

  off<Name extends keyof RelayEvents>(name: Name, listener: (...args: RelayEvents[Name]) => void): this {
    this.#listeners.off(name, listener as never);
    return this;
  }

  /**
   * Takes no further rows, waits for the confirms of those under way, within the grace, and tells the database.
   * Idempotent. The publisher and the database stay open.
   */
  stop({ grace = 10 }: RelayStopOptions = {}): Promise<RelayStopReport> {
    const graceMs = milliseconds(grace);
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(graceMs: number): Promise<RelayStopReport> {
    this.#stopping.abort();
    this.#flight.halt();
    const ended = Promise.all([this.#wakeUp.stop(), this.#running]);
    await waitAtMost(this.#clock, graceMs, ended);
    this.#over.abort();
    return { unfinished: this.#flight.count + this.#unsettled.length };
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const taken = await this.#round();
      if (taken === 0 && this.#flight.count === 0) await this.#wakeUp.wait(this.#settings.pollMs);
    }
    while (this.#flight.count > 0 && !this.#over.signal.aborted) await this.#flight.landing(roundMs);
    do await this.#settle();
    while (this.#unsettled.length > 0 && !this.#over.signal.aborted);
    await this.#settle();
  }

  /** Takes what there is room for, and says what became of it. Resolves with how many rows were taken. */
  async #round(): Promise<number> {
    const room = this.#settings.batchSize - this.#flight.count;
    const taken = room > 0 && this.#unsettled.length === 0 ? await this.#claim(room) : 0;
    await this.#flight.landing(roundMs);
    await this.#settle();
    return taken;
  }

  async #claim(limit: number): Promise<number> {
    const { batchBytes: limitBytes, leaseMs } = this.#settings;
    const askedAt = this.#clock.monotonic();
    let isLate = false;
    try {
      const claim = { owner: this.#owner, limit, limitBytes, leaseMs };
      const records = await this.#ask('take rows from the outbox', async () => {
        const taken = await this.#store.claim(claim);
        if (isLate) this.#flight.giveBack(taken.filter(({ position }) => !this.#isUnsettled(position)));
        return taken;
      });
      this.#usable('database');
      this.#flight.launch(records, askedAt);
      return records.length;
    } catch (error) {
      isLate = true; // it may be done all the same, by a database that is slow or has no connection free
      await this.#pause('database', error);
      return 0;
    }
  }

  #isUnsettled(position: string): boolean {
    return this.#unsettled.some((ending) => ending.position === position);
  }

  /** Tells the database what became of rows. What it could not be told is kept, and comes first the next time. */
  async #settle(): Promise<void> {
    const { endings, published, brokerError } = this.#flight.take();
    this.#unsettled.push(...endings);
    if (this.#unsettled.length > 0) {
      const telling = this.#unsettled;
      try {
        await this.#ask('update the outbox', () => this.#store.settle(this.#owner, telling));
        this.#unsettled = [];
      } catch (error) {
        await this.#pause('database', error);
        return;
      }
    }
    if (published > 0) this.#usable('broker');
    else if (brokerError !== undefined) await this.#pause('broker', brokerError);
  }

  /** Works again: the next pause is a short one. */
  #usable(what: Pausing): void {
    if (this.#pausedFor !== what) return;
    this.#failures = 0;
    this.#pausedFor = undefined;
    this.#logger.info('the outbox relay goes on');
    this.#tell('resumed');
  }

  async #pause(what: Pausing, error: unknown): Promise<void> {
    if (this.#over.signal.aborted) return;
    this.#pausedFor = what;
    this.#failures++;
    const random = (): number => this.#clock.random();
    const ms = backoffMs(this.#failures, { firstMs: firstPauseMs, longestMs: longestPauseMs, random });
    const level = this.#failures === 1 ? 'warn' : 'debug';
    this.#logger[level]('the outbox relay pauses', { error, retryInMs: ms });
    this.#tell('paused', error as CeleriacError, ms);
    const end = this.#stopping.signal.aborted ? this.#over : this.#stopping;
    await this.#clock.sleep(ms, end.signal);
  }

  /** A question to the database, with a deadline. Rejects with ERR_OUTBOX_STORE. */
  async #ask<T>(what: string, question: () => Promise<T>): Promise<T> {
    const ms = this.#settings.storeTimeoutMs;
    const late = (): CeleriacError => storeSilent(what, ms);
    try {
      return await withDeadline(question(), { clock: this.#clock, ms, late });
    } catch (error) {
      throw isCeleriacError(error, 'ERR_OUTBOX_STORE') ? error : storeFailed(what, error);
    }
  }
}
