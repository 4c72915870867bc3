/**
 * The worker: what a service registers its handlers with, and what runs them. Starts consumers, stops them within
 * a deadline, and reports. How a delivery is handled is in `dispatch`; how the process ends in `shutdown`.
 */
import { EventEmitter } from 'node:events';

import {
  type Clock,
  type ConfigInput,
  type ConfigSource,
  type Duration,
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

import { Application } from './event-handler/application.js';
import { type BareTaskHandler, type TaskHandler, TaskHandlers, type TaskOptions } from './handlers.js';
import { Running } from './running.js';
import { runUntilSignalled } from './shutdown.js';
import { openWorkerSide } from './open-side.js';
import type { OpenSide } from './side.js';
import type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
import { nothingRegistered, wrongState } from './worker-state.js';

export interface WorkerOptions {
  /** A file (YAML or JSON), or the configuration itself. Default: environment variables and defaults only. */
  readonly config?: ConfigSource;
  /** Wins over file and environment, key by key. */
  readonly overrides?: ConfigInput;
  /** Default: writes nothing. */
  readonly logger?: Logger;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Variables that override the configuration. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface StopOptions {
  /** How long running handlers may take. Default `task_handler.shutdown_grace`. */
  readonly grace?: Duration;
}

/** Creates a worker. Reads nothing and connects to nothing before `start` or `run`. */
export function createWorker(options: WorkerOptions = {}): Worker {
  return new Worker(options, openWorkerSide);
}

/** As `createWorker`, over something else than a broker: for `@celeriac/testing`. @internal */
export function createWorkerOver(openOther: OpenSide, options: WorkerOptions = {}): Worker {
  return new Worker(options, openOther);
}

export type { Worker };

class Worker implements AsyncDisposable {
  #options: WorkerOptions;
  #openSide: OpenSide;
  #logger: Logger;
  #tell: Tell<WorkerEvents>;
  #clock: Clock;
  #tasks = new TaskHandlers();
  #applications = new Map<string, Application>();
  #events = new EventEmitter<WorkerEvents>();
  #starting: Promise<WorkerDescription> | undefined;
  #running: Running | undefined;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: WorkerOptions, open: OpenSide) {
    this.#options = options;
    this.#openSide = open;
    this.#logger = guarded(options.logger ?? silentLogger);
    this.#tell = notifier(this.#events, this.#logger);
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Registers a handler: for a contract, which validates what it gets, or for a bare name, called with the
   * message's positional arguments. Throws ERR_TASK_DUPLICATE, ERR_CONTRACT_INVALID or ERR_WORKER_STATE.
   */
  task<Output, Parsed>(
    contract: TaskContract<unknown, Output, Parsed>,
    handler: TaskHandler<Parsed, Output>,
    options?: TaskOptions,
  ): this;
  task(name: string, handler: BareTaskHandler, options?: TaskOptions): this;
  task(
    what: TaskContract | string,
    handler: TaskHandler<never, never> | BareTaskHandler,
    options: TaskOptions = {},
  ): this {
    this.#mustNotRun('register tasks');
    const contract = typeof what === 'string' ? undefined : what;
    const name = typeof what === 'string' ? what : what.name;
    this.#tasks.add({ name, contract, handler: handler as (...args: unknown[]) => unknown, options });
    return this;
  }

  /** A registered application, to attach event handlers to. The same name gives the same application. */
  application(name: string): Application {
    this.#mustNotRun('register applications');
    const known = this.#applications.get(name) ?? new Application(name);
    this.#applications.set(name, known);
    return known;
  }

  /**
   * Connects and consumes; resolves when every queue is consumed. Waits for a broker that cannot be reached;
   * rejects with ERR_CONFIG_…, ERR_ACCESS_REFUSED, ERR_VHOST_REFUSED, ERR_TLS or ERR_TOPOLOGY_… for what will not
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
   * `start`, then runs until SIGTERM or SIGINT, stops, and sets `process.exitCode`: 0 drained, 75 not drained, 78
   * configuration or access. A second signal ends the process at once with 128 + its number. Handlers that do not
   * end after the grace are left behind by `process.exit(75)`. Resolves with the exit code; never rejects.
   */
  run(): Promise<number> {
    return runUntilSignalled(this, this.#logger);
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
    const applications = [...this.#applications.values()].filter(({ isEmpty }) => !isEmpty);
    if (this.#tasks.names.length === 0 && applications.length === 0) throw nothingRegistered();
    const { config: source = {}, env, overrides } = this.#options;
    const config = await loadConfig(source, { env, overrides });
    const parts = { config, logger: this.#logger, clock: this.#clock, openSide: this.#openSide };
    const running = await Running.open({ ...parts, tasks: this.#tasks, applications, tell: this.#tell });
    this.#running = running;
    if (this.#isStopped()) {
      await running.stop(0); // stopped while it was being opened
      throw wrongState('start', 'it was stopped');
    }
    try {
      await running.start();
    } catch (error) {
      await this.stop({ grace: 0 });
      throw error;
    }
    const description = running.describe();
    if (this.#isStopped()) throw wrongState('start', 'it was stopped');
    this.#tell('ready', description);
    return description;
  }

  /** A method, because the compiler believes that a field stays what it was over an await. */
  #isStopped(): boolean {
    return this.#stopping !== undefined;
  }

  #mustNotRun(what: string): void {
    if (this.#starting !== undefined) throw wrongState(what, 'it is running');
  }
}
