/**
 * The rows on their way: published all at once and in order, but those of one order key one after the other. Each
 * ending is kept until it is taken. Never rejects, and never touches the database.
 */
import { type Clock, type Logger, type PreparedSender, type Tell, waitAtMost } from '@celeriac/core';

import { endingOf, type Fault, faultOf } from './failure.js';
import type { ClaimedRecord, Ending } from './ports.js';
import { fromRecord } from './record.js';
import type { RelayEvents, RelaySettings } from './relay-options.js';

export interface FlightParts {
  readonly publisher: PreparedSender;
  readonly settings: RelaySettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tell: Tell<RelayEvents>;
}

/** What ended since it was last asked. */
export interface Landed {
  readonly endings: readonly Ending[];
  readonly published: number;
  /** The last error that no row is to blame for. */
  readonly brokerError: unknown;
}

export class Flight {
  #parts: FlightParts;
  #endings: Ending[] = [];
  /** Positions of rows whose publish has not ended. */
  #inFlight = new Set<string>();
  #published = 0;
  #brokerError: unknown;
  #count = 0;
  #emptied: (() => void) | undefined;
  #landing: Promise<void> | undefined;
  #halted = false;

  constructor(parts: FlightParts) {
    this.#parts = parts;
  }

  /** Rows whose publish has not ended. */
  get count(): number {
    return this.#count;
  }

  /** `since`: when they were asked for, monotonic. Their lease began then or later. */
  launch(records: readonly ClaimedRecord[], since: number): void {
    this.#count += records.length;
    for (const { position } of records) this.#inFlight.add(position);
    for (const chain of chainsOf(records)) void this.#publishAll(chain, since);
  }

  /** Begins no further publish: what waits for an earlier one of its order key is given back. */
  halt(): void {
    this.#halted = true;
  }

  /** Rows that came when nobody waited for them any more: without this they would wait for the end of their lease. */
  giveBack(records: readonly ClaimedRecord[]): void {
    const ended = new Set(this.#endings.map(({ position }) => position));
    for (const record of records) {
      const { position } = record;
      if (!this.#inFlight.has(position) && !ended.has(position)) this.#giveBack(record);
    }
  }

  /** Resolves when all have ended, or after so long. */
  async landing(ms: number): Promise<void> {
    if (this.#count === 0) return;
    this.#landing ??= new Promise<void>((resolve) => (this.#emptied = resolve));
    await waitAtMost(this.#parts.clock, ms, this.#landing);
  }

  take(): Landed {
    const landed = { endings: this.#endings, published: this.#published, brokerError: this.#brokerError };
    this.#endings = [];
    this.#published = 0;
    this.#brokerError = undefined;
    return landed;
  }

  /** One after the other, as long as each leaves the next one first of its key. */
  async #publishAll(chain: readonly ClaimedRecord[], since: number): Promise<void> {
    let mayGoOn = true;
    for (const record of chain) {
      if (mayGoOn && this.#hasTime(since)) mayGoOn = await this.#publish(record, since);
      else this.#giveBack(record);
      this.#inFlight.delete(record.position);
      this.#count--;
    }
    if (this.#count > 0) return;
    this.#emptied?.();
    this.#landing = undefined;
  }

  /** False when the row is still to be published: it will be tried again. */
  async #publish(record: ClaimedRecord, since: number): Promise<boolean> {
    const { publisher, settings, clock } = this.#parts;
    const ageMs = (): number => record.ageMs + clock.monotonic() - since;
    try {
      await publisher.publishPrepared(fromRecord(record), { timeout: settings.publishTimeoutMs / 1000 });
      this.#done(record, ageMs());
      return true;
    } catch (error) {
      return this.#failed(record, error, ageMs()) === 'set-aside';
    }
  }

  /** A publish has to end within the lease: after it the rows may be another relay's. The first one as well: a process may stand still. */
  #hasTime(since: number): boolean {
    const { settings, clock } = this.#parts;
    return !this.#halted && clock.monotonic() - since + settings.publishTimeoutMs <= settings.leaseMs;
  }

  #giveBack({ position, attempts }: ClaimedRecord): void {
    this.#endings.push({ position, how: 'again', afterMs: 0, attempts });
  }

  #done(record: ClaimedRecord, ageMs: number): void {
    this.#published++;
    this.#endings.push({ position: record.position, how: 'published' });
    this.#parts.tell('published', { ...nameOf(record), ageMs });
  }

  #failed(record: ClaimedRecord, error: unknown, ageMs: number): Ending['how'] {
    const { settings, clock, logger, tell } = this.#parts;
    const fault: Fault = faultOf(error);
    if (fault === 'broker') this.#brokerError = error;
    const ending = endingOf(record, error, { rules: settings.rules, random: () => clock.random() });
    this.#endings.push(ending);
    const { attempts } = ending;
    const failure = { ...nameOf(record), ageMs, error, attempts };
    if (ending.how === 'set-aside') {
      logger.error('a row of the outbox was set aside', { ...nameOf(record), attempts, error });
      tell('set-aside', failure);
    } else {
      const retryInMs = ending.afterMs;
      // What is the broker's fault is said once, when the relay pauses.
      const level = fault === 'broker' ? 'debug' : 'warn';
      logger[level]('a row of the outbox was not published', {
        ...nameOf(record),
        attempts,
        retryInMs,
        error,
      });
      tell('failed', { ...failure, retryInMs });
    }
    return ending.how;
  }
}

/** Rows of one order key together, each other row alone; in order of their first rows. */
function chainsOf(records: readonly ClaimedRecord[]): readonly (readonly ClaimedRecord[])[] {
  const chains = new Map<string, ClaimedRecord[]>();
  for (const record of records) {
    const { orderKey, position } = record;
    const name = orderKey === undefined ? `position ${position}` : `key ${orderKey}`;
    const chain = chains.get(name);
    if (chain === undefined) chains.set(name, [record]);
    else chain.push(record);
  }
  return [...chains.values()];
}

function nameOf({ messageId: id, kind, name }: ClaimedRecord): Pick<ClaimedRecord, 'kind' | 'name'> & {
  id: string;
} {
  return { id, kind, name };
}
