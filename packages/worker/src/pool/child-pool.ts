/**
 * A pool of threads or processes, one task each. Starts them when they are needed, up to as many as tasks may run;
 * ends those that idle, and replaces those that have done their share or grown too big. Never holds more than a task
 * for a child: the rest waits in the broker.
 */
import {
  backoffMs,
  type Clock,
  type Logger,
  type Outcome,
  type PoolConfig,
  type Timer,
} from '@celeriac/core';

import type { Work } from '../work.js';
import type { StartChild } from './child.js';
import { outcomeOfEnd } from './ends.js';
import { PooledChild, type PooledChildParts } from './pooled-child.js';
import type { Pool, PoolSize, RunWith } from './pool.js';

export interface ChildPoolOptions extends Omit<PooledChildParts, 'maxMemory'> {
  readonly name: string;
  readonly config: PoolConfig;
  readonly startChild: StartChild;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** How often a task is handed to another child because the first was gone before it began. */
const mostStarts = 3;

export class ChildPool implements Pool {
  #options: ChildPoolOptions;
  #children = new Set<PooledChild>();
  /** Longest idle first, each with the timer that ends it. */
  #idle: { readonly child: PooledChild; readonly timer: Timer }[] = [];
  /** Children that start before they are needed; each resolves when it is idle, or could not start. */
  #spares: Promise<void>[] = [];
  #size: PoolSize;
  /** Replaced when they have ended their task. */
  #outdated = new WeakSet<PooledChild>();
  #isClosed = false;

  constructor(options: ChildPoolOptions) {
    this.#options = options;
    const { concurrency, min_concurrency: minConcurrency } = options.config;
    this.#size = { concurrency, minConcurrency };
  }

  async start(): Promise<void> {
    const first = Array.from({ length: this.#least }, () => this.#startChild());
    try {
      await Promise.all(first.map((child) => child.ready));
    } catch (error) {
      // Stopped while it was starting: the children were ended, and that is no failure of theirs.
      if (this.#mayStart()) throw error;
    }
    for (const child of first) this.#rest(child);
  }

  async run(work: Work, given: RunWith): Promise<Outcome> {
    const { cancellation } = given;
    for (let starts = 1; ; starts++) {
      const child = await this.#take(work);
      if (child === undefined || cancellation.by !== undefined) {
        if (child !== undefined) this.#rest(child);
        return { kind: 'notStarted' };
      }
      const ending = await child.run(work, given);
      this.#release(child);
      if (ending !== 'notBegun') return ending;
      if (starts < mostStarts) continue;
      const end = await child.ended;
      const facts = { end, killedFor: undefined, cancelledBy: undefined, lastWords: undefined };
      return outcomeOfEnd(work, { ...facts, maxMemory: undefined });
    }
  }

  /** More children start when they are needed. Fewer: the idle ones end now, busy ones with their task. */
  resize(size: PoolSize): void {
    if (this.#isClosed) return;
    this.#size = size;
    const idle = this.#idle.splice(0);
    for (const { child, timer } of idle) {
      timer.cancel(); // its time was measured for another size
      if (this.#living.length > size.concurrency) void child.retire();
      else this.#rest(child);
    }
    for (let missing = this.#least - this.#living.length; missing > 0; missing--) this.#startOneMore();
  }

  restart(): boolean {
    if (this.#isClosed) return true;
    for (const child of this.#children) this.#outdated.add(child);
    for (const { child, timer } of this.#idle.splice(0)) {
      timer.cancel();
      void child.retire();
    }
    for (let missing = this.#least - this.#living.length; missing > 0; missing--) this.#startOneMore();
    return true;
  }

  stats(): ReturnType<Pool['stats']> {
    const { name, config } = this.#options;
    const children = [...this.#children].map(({ id, task, done, memory }) => ({ id, task, done, memory }));
    return { name, kind: config.pool, children };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#idle.splice(0)) timer.cancel();
    await Promise.all([...this.#children].map((child) => child.close()));
  }

  /** An idle child, or a new one. Goes on trying while none can be started; undefined when nothing may start. */
  async #take({ name, id }: Work): Promise<PooledChild | undefined> {
    const { stopping, logger, clock } = this.#options;
    for (let failures = 0; !this.#isClosed && !stopping.aborted;) {
      const idle = this.#idle.pop();
      idle?.timer.cancel();
      if (idle?.child.isAlive === true) return idle.child;
      if (idle !== undefined) continue;
      const spare = this.#spares.shift();
      if (spare !== undefined) {
        await spare; // another one beside it would be one too many
        continue;
      }
      try {
        const child = this.#startChild(); // throws where the system has no memory for a process
        await child.ready;
        if (this.#mayStart()) return child;
        this.#rest(child);
      } catch (error) {
        failures++;
        const logged = { name, id, failures, error };
        logger.error('no thread or process can be started for a task, holding it and trying on', logged);
        const backoff = { firstMs: 200, longestMs: 10_000, random: () => clock.random() };
        await clock.sleep(backoffMs(failures, backoff), stopping);
      }
    }
    return undefined;
  }

  #mayStart(): boolean {
    return !this.#isClosed && !this.#options.stopping.aborted;
  }

  #startChild(): PooledChild {
    const { startChild, config, logger, name, ...parts } = this.#options;
    const { max_memory: maxMemory, pool } = config;
    const child = new PooledChild(startChild({ maxMemory }), { ...parts, logger, maxMemory });
    this.#children.add(child);
    const { id } = child;
    logger.debug('child started', { pool, group: name, child: id });
    void child.ended.then(({ code, signal }) => {
      const wasIdle = this.#forget(child);
      const log = wasIdle ? 'warn' : 'debug';
      logger[log]('child ended', { pool, group: name, child: id, code, signal, tasks: child.done });
    });
    return child;
  }

  /** True when it was idle, where nobody told it to end. */
  #forget(child: PooledChild): boolean {
    this.#children.delete(child);
    return this.#noLongerIdle(child);
  }

  /** After a task. */
  #release(child: PooledChild): void {
    if (this.#isClosed) {
      void child.retire();
      return;
    }
    const isTooMany = this.#living.length > this.#size.concurrency;
    if (child.isAlive && !this.#isSpent(child) && !isTooMany) this.#rest(child);
    else if (child.isAlive) void child.retire();
    if (this.#living.length < this.#least) this.#startOneMore();
  }

  /** True when it was. */
  #noLongerIdle(child: PooledChild): boolean {
    const index = this.#idle.findIndex((one) => one.child === child);
    if (index < 0) return false;
    for (const { timer } of this.#idle.splice(index, 1)) timer.cancel();
    return true;
  }

  #isSpent(child: PooledChild): boolean {
    const { done, memory = 0 } = child;
    if (this.#outdated.has(child)) return true;
    const { max_tasks_per_child: tasks = Infinity, max_memory_per_child: most = Infinity } =
      this.#options.config;
    return done >= tasks || memory > most;
  }

  #rest(child: PooledChild): void {
    if (!child.isAlive || this.#isClosed) return;
    const { clock, config } = this.#options;
    const timer = clock.after(config.idle_timeout * 1000, () => {
      if (this.#living.length <= this.#size.minConcurrency) return;
      this.#noLongerIdle(child);
      void child.retire();
    });
    this.#idle.push({ child, timer });
  }

  get #living(): readonly PooledChild[] {
    return [...this.#children].filter(({ isAlive }) => isAlive);
  }

  /** Children that are kept whatever there is to do. */
  get #least(): number {
    return Math.min(this.#size.minConcurrency, this.#size.concurrency);
  }

  #startOneMore(): void {
    const spare = this.#startSpare().finally(() => {
      this.#spares = this.#spares.filter((one) => one !== spare);
    });
    this.#spares.push(spare);
  }

  /** A failure is told, and tried again when a task comes. */
  async #startSpare(): Promise<void> {
    const { logger } = this.#options;
    try {
      const child = this.#startChild();
      await child.ready;
      this.#rest(child);
    } catch (error) {
      logger.warn('a thread or process could not be replaced, trying again with the next task', { error });
    }
  }
}
