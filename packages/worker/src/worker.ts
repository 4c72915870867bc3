/**
 * The worker: what a service registers its handlers with, and what runs them. Starts consumers, stops them within
 * a deadline, and reports. How a delivery is handled is in `dispatch`; how the process ends in `shutdown`.
 */
import { EventEmitter } from 'node:events';

import {
  type Clock,
  guarded,
  loadConfig,
  type Logger,
  notifier,
  parseDuration,
  silentLogger,
  systemClock,
  type TaskContract,
  type Tell,
} from '@celeriac/core';

import type { BatchHandler, BatchOptions } from './batch.js';
import type { WorkerHealth } from './condition.js';
import type { TaskContext } from './context.js';
import { type DeliveryCounts, DeliveryCounter } from './delivery-counts.js';
import { type Needs, needsOf } from './describe.js';
import type { Application, ApplicationOptions } from './event-handler/application.js';
import type { BareTaskHandler, TaskHandler, TaskHandlers, TaskOptions } from './handlers.js';
import { registerFrom } from './handler-modules.js';
import type { PoolStats } from './pool/pool.js';
import type { GroupSize, ResizeOptions } from './group-sizes.js';
import { Registrations } from './registrations.js';
import { Running } from './running.js';
import { runUntilSignalled } from './shutdown.js';
import type { Over, StopOptions, WorkerOptions } from './worker-options.js';
import type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
import { nothingRegistered, wrongState } from './worker-state.js';

/** What is registered with a worker, for children of a pool. @internal */
export let tasksOf: (worker: Worker) => TaskHandlers;

/** Made by `createWorker`. */
export class Worker implements AsyncDisposable {
  #options: WorkerOptions;
  #over: Over;
  #logger: Logger;
  #tell: Tell<WorkerEvents>;
  #clock: Clock;
  #registered = new Registrations();
  /** Inside of the loading that `start` begins with. */
  #isPreparing = false;
  #events = new EventEmitter<WorkerEvents>();
  #counter = new DeliveryCounter();
  #starting: Promise<WorkerDescription> | undefined;
  #running: Running | undefined;
  #stopping: Promise<StopReport> | undefined;
  /** Fires when it was told to stop from outside. */
  #told = new AbortController();

  static {
    tasksOf = (worker) => worker.#registered.tasks;
  }

  constructor(options: WorkerOptions, over: Over) {
    this.#options = options;
    this.#over = over;
    this.#logger = guarded(options.logger ?? silentLogger);
    this.#tell = notifier(this.#events, this.#logger);
    this.#clock = options.clock ?? systemClock;
    this.#events.on('settled', ({ verdict }) => this.#counter.count(verdict));
  }

  /**
   * Registers a handler: for a contract, which validates what it gets, or for a bare name, called with the
   * message's positional arguments. Throws ERR_TASK_DUPLICATE, ERR_CONTRACT_INVALID or ERR_WORKER_STATE.
   */
  task<Output, Parsed>(
    contract: TaskContract<unknown, Output, Parsed>,
    handler: TaskHandler<Parsed, Output>,
    options?: TaskOptions<NoInfer<Parsed>>,
  ): this;
  /** As above, for a handler that says what it keeps at a checkpoint: `(input, ctx: TaskContext<State>) => …`. */
  task<Output, Parsed, State>(
    contract: TaskContract<unknown, Output, Parsed>,
    handler: TaskHandler<Parsed, Output, State>,
    options?: TaskOptions<NoInfer<Parsed>>,
  ): this;
  task(name: string, handler: BareTaskHandler, options?: TaskOptions<readonly unknown[]>): this;
  task(
    what: TaskContract | string,
    handler: TaskHandler<never, never> | BareTaskHandler,
    options: TaskOptions = {},
  ): this {
    this.#mustNotRun('register tasks');
    this.#registered.addTask(what, handler, { options });
    return this;
  }

  /**
   * Registers a handler of batches: it gets up to `size` inputs at a time, when there are so many or when the first one
   * has waited so long, and each message is settled by itself. By bare name an input is the list of arguments. Throws
   * as `task` does, also for a size or a time that cannot be.
   */
  batch<Parsed>(
    contract: TaskContract<unknown, unknown, Parsed>,
    options: BatchOptions & TaskOptions,
    handler: BatchHandler<Parsed, TaskContext>,
  ): this;
  batch(
    name: string,
    options: BatchOptions & TaskOptions,
    handler: BatchHandler<unknown[], TaskContext>,
  ): this;
  batch(
    what: TaskContract | string,
    { size, wait, ...options }: BatchOptions & TaskOptions,
    handler: BatchHandler<never, TaskContext>,
  ): this {
    this.#mustNotRun('register tasks');
    this.#registered.addTask(what, handler, { options, batch: { size, wait } });
    return this;
  }

  /**
   * Imports a module that exports `register(worker)`, or a default function, and lets it register its handlers. Threads
   * and processes do the same. Rejects with ERR_HANDLER_MODULE or ERR_WORKER_STATE.
   */
  async load(module: string | URL): Promise<this> {
    this.#mustNotRun('load modules');
    await this.#registered.load(module, (url) => registerFrom<Worker>(url, this));
    return this;
  }

  /**
   * A registered application, to attach event handlers to. The same name gives the same application. Throws
   * ERR_CONTRACT_INVALID or ERR_WORKER_STATE.
   */
  application(name: string, options: ApplicationOptions = {}): Application {
    this.#mustNotRun('register applications');
    return this.#registered.application(name, options);
  }

  /**
   * Connects and consumes; resolves when every queue is consumed. Waits for a broker that cannot be reached;
   * rejects with ERR_CONFIG_…, ERR_SIGNING_KEY, ERR_ACCESS_REFUSED, ERR_VHOST_REFUSED, ERR_TLS or ERR_TOPOLOGY_… for what will not
   * go away by itself, with everything closed again.
   */
  start(): Promise<WorkerDescription> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  /**
   * Stops: no further deliveries, running handlers may finish within the grace, then their signals fire, and what
   * is left goes back to its queue. Idempotent. Rejects for a grace that is no duration, and for nothing else.
   */
  async stop({ grace }: StopOptions = {}): Promise<StopReport> {
    const graceMs = grace === undefined ? undefined : parseDuration(grace) * 1000;
    this.#stopping ??= this.#running?.stop(graceMs) ?? Promise.resolve({ drained: true, unfinished: 0 });
    return this.#stopping;
  }

  /**
   * `start`, then runs until SIGTERM, SIGINT or a `shutdown` by remote control, stops, and sets `process.exitCode`: 0 drained, 75 not drained, 78
   * configuration or access. A second signal ends the process at once with 128 + its number. Handlers that do not
   * end after the grace are left behind by `process.exit(75)`. Resolves with the exit code; never rejects.
   */
  run(): Promise<number> {
    return runUntilSignalled(
      {
        start: () => this.start(),
        quiet: () => this.quiet(),
        resume: () => this.resume(),
        stop: () => this.stop(),
        told: this.#told.signal,
      },
      this.#logger,
    );
  }

  /**
   * Takes no further deliveries; what is in hand goes on, and the worker stays connected. Resolves when the broker has
   * confirmed it, or has not for two seconds. Rejects with ERR_WORKER_STATE unless the worker is running.
   */
  async quiet(): Promise<void> {
    await this.#whileRunning('be quiet').quiet();
    this.#tell('quiet');
  }

  /** Takes deliveries again after `quiet`. Rejects with ERR_WORKER_STATE unless the worker is running. */
  async resume(): Promise<void> {
    await this.#whileRunning('resume').resume();
    this.#tell('resumed');
  }

  /** Whether it consumes all its queues, and if not why; undefined before it has read its configuration. */
  health(): WorkerHealth | undefined {
    return this.#running?.health();
  }

  /** The pools of a running worker and their threads or processes, for monitoring. */
  pools(): readonly PoolStats[] {
    return this.#running?.sizes.stats() ?? [];
  }

  /** Deliveries so far, for monitoring: also those that were lost before they could be settled. */
  deliveries(): DeliveryCounts {
    return this.#counter.counts;
  }

  /**
   * Changes how much a group of queues runs at once, while it runs: `concurrency`, the threads or processes that are
   * kept, and what the broker sends ahead. What runs goes on; fewer is reached as tasks end. Resolves with the size
   * that holds. Rejects with ERR_INPUT_INVALID, or with ERR_WORKER_STATE when it does not run.
   */
  async resize(options: ResizeOptions): Promise<GroupSize> {
    return this.#whileRunning('be resized').sizes.resize(options);
  }

  /** As `resize`, by so many tasks more than there are. */
  async grow(by = 1, group?: string): Promise<GroupSize> {
    return this.#whileRunning('grow').sizes.grow(by, group);
  }

  /** As `resize`, by so many tasks fewer; one is the least. */
  async shrink(by = 1, group?: string): Promise<GroupSize> {
    return this.#whileRunning('shrink').sizes.grow(-by, group);
  }

  on<Name extends keyof WorkerEvents>(event: Name, listener: (...args: WorkerEvents[Name]) => void): this {
    this.#events.on(event, listener as never);
    return this;
  }

  off<Name extends keyof WorkerEvents>(event: Name, listener: (...args: WorkerEvents[Name]) => void): this {
    this.#events.off(event, listener as never);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #start(): Promise<WorkerDescription> {
    const { config: source = {}, env, overrides, handlers = [], queues, payloadStore } = this.#options;
    this.#isPreparing = true;
    try {
      for (const module of [handlers].flat()) await this.load(module);
    } finally {
      this.#isPreparing = false;
    }
    const { tasks, modules, applications } = this.#registered;
    if (tasks.names.length === 0 && applications.length === 0) throw nothingRegistered();
    const config = await loadConfig(source, { env, overrides });
    const parts = { config, logger: this.#logger, clock: this.#clock, openSide: this.#over.open };
    const { isSimulated, keyStore, results } = this.#over;
    const what = { tasks, modules, applications, queues, isSimulated, keyStore, results, payloadStore };
    const shutdown = (): void => {
      this.#told.abort();
      void this.stop();
    };
    const running = await Running.open({ ...parts, ...what, shutdown, tell: this.#tell });
    this.#running = running;
    if (this.#isStopped()) await running.stop(0); // stopped while it was being opened
    this.#mustNotBeStopped();
    try {
      await running.start();
    } catch (error) {
      await this.stop({ grace: 0 });
      throw error;
    }
    this.#mustNotBeStopped();
    const description = running.describe();
    this.#tell('ready', description);
    return description;
  }

  /** What the handlers need on the broker, beside the configuration. @internal */
  get needs(): Needs {
    return needsOf(this.#registered);
  }

  /** A method, because the compiler believes that a field stays what it was over an await. */
  #isStopped(): boolean {
    return this.#stopping !== undefined;
  }

  #mustNotBeStopped(): void {
    if (this.#isStopped()) throw wrongState('start', 'it was stopped');
  }

  #whileRunning(what: string): Running {
    if (this.#isStopped()) throw wrongState(what, 'it is stopping');
    if (this.#running?.isStarted !== true) throw wrongState(what, 'it has not started');
    return this.#running;
  }

  #mustNotRun(what: string): void {
    if (this.#starting !== undefined && !this.#isPreparing) throw wrongState(what, 'it is running');
  }
}
