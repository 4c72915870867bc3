/**
 * One chaos run: a queue of its own, publishers and workers under load, faults one after the other with a recovery
 * after each, and at the end the reckoning. What the faults are is not its concern.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitFor } from '../wait-for.js';
import { Fleet, type FleetOptions } from './fleet.js';
import { LedgerReader } from './ledger.js';
import type { Load } from './load.js';
import { type Site, View } from './site.js';
import { type Counts, judgeRun } from './verdict.js';

export interface RunOptions extends Pick<FleetOptions, 'workersBy'> {
  readonly site: Site;
  readonly load: Load;
  readonly seed: number;
  readonly random: () => number;
  readonly url?: (index: number) => string;
  /** Of the name of the queue. */
  readonly label: string;
}

export interface Reckoning extends Counts {
  readonly faults: number;
  /** From the end of a fault until everybody was consuming, messages were confirmed and tasks ended; milliseconds. */
  readonly recoveredMs: readonly number[];
  /** What may have run again at most: what was in hand when a connection was lost or a worker killed. */
  readonly bound: number;
  /** Every promise that was broken, in words. */
  readonly broken: readonly string[];
}

let runs = 0;

export class ChaosRun implements AsyncDisposable {
  readonly site: Site;
  readonly fleet: Fleet;
  readonly view: View;
  readonly random: () => number;
  readonly queue: string;
  readonly load: Load;
  readonly ledger: LedgerReader;
  readonly broken: string[] = [];
  /** Of deliveries that come again for another reason than a lost connection or a dead worker. */
  boundOfOthers = 0;
  /** Consumers of the queue beside the fleet's. */
  otherConsumers = 0;
  #directory: string;
  #recoveredMs: number[] = [];
  #faults = 0;
  #staleBefore = 0;

  private constructor(options: RunOptions, directory: string, ledger: LedgerReader) {
    const { site, load, seed, random, label, url = site.url, workersBy = [] } = options;
    this.site = site;
    this.load = load;
    this.random = random;
    this.queue = load.celery ? 'celery' : `chaos-${label}-${++runs}`;
    this.#directory = directory;
    this.ledger = ledger;
    this.view = new View(site);
    this.fleet = new Fleet({
      ledger: join(directory, 'ledger'),
      queue: this.queue,
      load,
      seed,
      url,
      workersBy,
    });
  }

  /** Resolves when messages flow. */
  static async open(options: RunOptions): Promise<ChaosRun> {
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-chaos-'));
    const ledger = await LedgerReader.open(join(directory, 'ledger'));
    const run = new ChaosRun(options, directory, ledger);
    try {
      await run.#begin();
      return run;
    } catch (error) {
      await run[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** At a random moment under load; resolves when everything is as before. `count`: how many faults it is. */
  async strike(fault: () => Promise<unknown>, count = 1): Promise<void> {
    await sleep(300 + this.random() * 1200); // the moment of the fault, not a wait for anything
    await fault();
    this.#faults += count;
    this.#recoveredMs.push(await this.recovered());
  }

  /** Everybody consumes, a message is confirmed, a task ends, all later than now. Milliseconds. */
  recovered(): Promise<number> {
    return this.#until(async (from) => {
      const consumers = (await this.view.queue(this.queue))?.consumerCount;
      const wanted = this.fleet.workers.length + this.otherConsumers;
      if (consumers !== wanted) throw new Error(`consumers ${consumers}/${wanted}`);
      return this.flowsSince(from);
    });
  }

  /** The same, whoever consumes: a queue remembers consumers of a node that is down. */
  flows(): Promise<number> {
    return this.#until((from) => this.flowsSince(from));
  }

  async #until(check: (from: number) => Promise<boolean>): Promise<number> {
    const from = Date.now();
    await waitFor(() => check(from), { within: 90_000, what: `${this.queue} to flow again`, every: 50 });
    return Date.now() - from;
  }

  async flowsSince(from: number): Promise<boolean> {
    const entries = await this.ledger.refresh();
    const recent = (what: string): boolean =>
      entries.findLast((entry) => entry.what === what && entry.at > from) !== undefined;
    return (this.fleet.publishers.length === 0 || recent('confirmed')) && recent('end');
  }

  /** Where everybody writes what he does. */
  get ledgerPath(): string {
    return join(this.#directory, 'ledger');
  }

  /** Stops sending, lets the rest run, stops everybody, and counts. */
  async reckon(): Promise<Reckoning> {
    await this.fleet.stopAll(this.fleet.publishers);
    await this.#untilRun();
    await this.fleet.stopAll(this.fleet.workers);
    const queued = await this.view.take(this.queue);
    const dead = await this.view.take(`${this.queue}.dead-letter`);
    const entries = await this.ledger.refresh();
    const counts = judgeRun({ entries, queued, dead, killed: this.fleet.killed });
    const bound = this.#bound();
    const broken = [...this.broken, ...this.fleet.broken, ...complaints(counts, bound)];
    const stale = (await this.#staleAcks()) - this.#staleBefore;
    if (stale > 0) broken.push(`${stale} settlements of deliveries that were not the channel's (I8)`);
    return { ...counts, faults: this.#faults, recoveredMs: this.#recoveredMs, bound, broken };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.view[Symbol.asyncDispose]();
    await this.ledger[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    this.#staleBefore = await this.#staleAcks();
    for (let n = 0; n < this.load.workers; n++) await this.fleet.addWorker();
    for (let n = 0; n < this.load.publishers; n++) await this.fleet.addPublisher();
    if (this.load.publishers > 0) await this.recovered();
    // RabbitMQ answers a declaration a while before it is on disk: a crash in between would be the queue's end.
    for (const node of this.site.nodes) if (node.isUp) await node.flush();
  }

  /** Whatever a worker that died has not told is in a queue: this waits for what it can know. */
  async #untilRun(): Promise<void> {
    const check = async (): Promise<boolean> => {
      const entries = await this.ledger.refresh();
      const done = new Set(
        entries.filter(({ what }) => what === 'end' || what === 'dead').map(({ id }) => id),
      );
      const failing = new Set(
        entries.filter(({ more }) => more.startsWith('chaos.fail')).map(({ id }) => id),
      );
      const waited = entries.filter(({ what, id }) => what === 'confirmed' && !failing.has(id));
      const isEmpty = (await this.view.queue(this.queue))?.messageCount === 0;
      return isEmpty && waited.every(({ id }) => done.has(id));
    };
    // What has not run by then is counted as lost, unless it turns up in a queue.
    await waitFor(check, { within: 90_000, every: 200 }).catch(() => undefined);
  }

  /** Each lost connection and each dead worker brings back what was in its hands. */
  #bound(): number {
    const lost = this.ledger.entries.filter(({ what }) => what === 'lost').map(({ who }) => who);
    const killed = [...this.fleet.killed];
    const worker = (name: string): boolean => name.startsWith('w');
    const workers = [...lost, ...killed].filter(worker).length;
    const publishers = lost.filter((name) => !worker(name)).length;
    return workers * this.load.concurrency + publishers * this.load.lanes + this.boundOfOthers;
  }

  async #staleAcks(): Promise<number> {
    const logs = await Promise.all(this.site.nodes.map((node) => node.log()));
    return logs.reduce((sum, log) => sum + (log.match(/unknown delivery tag/gu)?.length ?? 0), 0);
  }
}

function complaints(counts: Counts, bound: number): string[] {
  const { lost, again, endedAfterDead, wronglyDead, hanging, early } = counts;
  const some = (ids: readonly string[]): string => `${ids.length} (${ids.slice(0, 5).join(', ')})`;
  return [
    ...(lost.length > 0 ? [`confirmed and lost: ${some(lost)} (I1)`] : []),
    ...(again > bound ? [`${again} ran again, where ${bound} may (I2)`] : []),
    ...(endedAfterDead.length > 0 ? [`ended after their dead letter: ${some(endedAfterDead)} (I3)`] : []),
    ...(wronglyDead.length > 0 ? [`dead letters of what never fails: ${some(wronglyDead)}`] : []),
    ...(hanging.length > 0 ? [`sends that never settled: ${some(hanging)} (I4)`] : []),
    ...(early.length > 0 ? [`begun early: ${some(early)}`] : []),
  ];
}
