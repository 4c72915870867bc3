/**
 * A worker that runs: its connections and capsules, and the order in which they start and stop. Decides nothing
 * about single deliveries.
 */
import { randomUUID } from 'node:crypto';

import {
  brokerAccess,
  BrokerEventSender,
  type Clock,
  type Config,
  eventForRetry,
  eventType,
  isOneBroker,
  isCeleriacError,
  loadValidator,
  type Logger,
  PayloadCheckIn,
  type PayloadStore,
  producerName,
  serviceName,
  taskForRetry,
  type Tell,
  type Validator,
  waitAtMost,
} from '@celeriac/core';

import type { Cancellation } from './cancellation.js';
import type { Capsule } from './capsule.js';
import { planApplication, planTaskGroups, type TaskGroup } from './capsule-plan.js';
import type { ContextParts } from './context.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';
import { describeWorker } from './describe.js';
import type { Application } from './event-handler/application.js';
import { eventPreparer } from './event-handler/prepare-event.js';
import { type Gates, openGates } from './gates/open-gates.js';
import type { TaskHandlers } from './handlers.js';
import { type HttpEndpoint, openHttp } from './http/open-http.js';
import { Condition, type WorkerHealth } from './condition.js';
import { type CapsulePlan, openCapsule } from './open-capsule.js';
import { InlinePool } from './pool/inline.js';
import { checkHandlers, openPool } from './pool/open-pool.js';
import type { Pool, PoolStats } from './pool/pool.js';
import { taskPreparer } from './prepare-task.js';
import { redeemer } from './redeem.js';
import { closeSide, type OpenSide, type Side, sideReady, watchSide } from './side.js';
import { Suspects } from './suspects.js';
import { cancelMs, stopAll } from './stopping.js';
import { openWatchdog, type Watchdog } from './watchdog.js';
import type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
import { wrongState } from './worker-state.js';

export interface RunningOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tasks: TaskHandlers;
  /** URLs of the modules that register handlers, for threads and processes. */
  readonly modules: readonly string[];
  /** Consume these task queues and no others. */
  readonly queues: readonly string[] | undefined;
  readonly isInlineOnly: boolean;
  /** Where large bodies are kept. */
  readonly payloadStore: PayloadStore | undefined;
  readonly applications: readonly Application[];
  readonly tell: Tell<WorkerEvents>;
  readonly openSide: OpenSide;
}

interface PreparerParts {
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  readonly gates: Gates;
}

export class Running {
  #options: RunningOptions;
  #sides: readonly Side[];
  #capsules: Capsule[] = [];
  #pools: Pool[] = [];
  #groups: readonly TaskGroup[];
  #delayPaths: DelayPaths[] = [];
  #cancellations = new Set<Cancellation>();
  #suspects = new Suspects();
  #stopping = new AbortController();
  #halted = new AbortController();
  #watchdog: Watchdog | undefined;
  #gates: Gates | undefined;
  #condition: Condition;
  #http: HttpEndpoint | undefined;

  private constructor(options: RunningOptions, sides: readonly Side[]) {
    this.#options = options;
    this.#sides = sides;
    const { tell, tasks } = options;
    this.#groups = tasks.names.length === 0 ? [] : planTaskGroups(options.config, options);
    this.#condition = new Condition(sides);
    for (const side of sides) {
      watchSide(side, {
        lost: (error) => tell('lost', error),
        restored: (generation) => tell('restored', generation),
        blocked: (reason) => tell('blocked', reason),
        unblocked: () => tell('unblocked'),
      });
    }
  }

  static async open(options: RunningOptions): Promise<Running> {
    const { config, logger, clock } = options;
    const broker = { config, logger, clock, access: await brokerAccess(config, logger) };
    const sections = isOneBroker(config) ? (['tasks'] as const) : (['tasks', 'events'] as const);
    return new Running(
      options,
      sections.map((section) => options.openSide(broker, section)),
    );
  }

  async start(): Promise<void> {
    const { config, applications, logger, clock } = this.#options;
    this.#watchdog = openWatchdog(this.#options);
    await this.#openHttp();
    await Promise.all(this.#sides.map(sideReady));
    this.#condition.connected();
    const contextParts = this.#contextParts();
    const validator = await loadValidator();
    if (this.#stopping.signal.aborted) throw wrongState('start', 'it was stopped');
    const { routing_key: typePattern } = config.events;
    checkHandlers(this.#groups, this.#options.tasks);
    const gates = await openGates(this.#options);
    this.#gates = gates;
    for (const group of this.#groups) this.#addTasks(group, { contextParts, validator, gates });
    for (const application of applications) {
      application.resolve(({ object, action }) => eventType(typePattern, object, action));
      const plan = planApplication(config, application);
      const { event_handler: handler } = config;
      const prepare = eventPreparer({ application, contextParts, validator, typePattern, config: handler });
      const { prefetch: concurrency } = plan;
      this.#addCapsule(this.#eventSide, {
        queues: [plan],
        prepare,
        copyForRetry: eventForRetry,
        concurrency,
        pool: new InlinePool(application.name, { logger, clock, watch: this.#watchdog }),
        gates: gates.events,
        deliveryLimit: handler.delivery_limit,
        delaysAhead: handler.retry.max !== undefined || application.retries,
      });
    }
    await Promise.all(this.#pools.map((pool) => pool.start()));
    await Promise.all(this.#capsules.map((capsule) => capsule.start(this.#stopping.signal)));
    for (const paths of this.#delayPaths) keepDelayPaths(paths);
    await this.#register();
    if (this.#condition.phase === 'starting') this.#condition.phase = 'running';
  }

  /** Stops within the grace (milliseconds) and a few seconds. Never rejects. */
  stop(graceMs: number = this.#options.config.task_handler.shutdown_grace * 1000): Promise<StopReport> {
    this.#condition.phase = 'stopping';
    const parts = { capsules: this.#capsules, pools: this.#pools, cancellations: this.#cancellations };
    const signals = { stopping: this.#stopping, halted: this.#halted };
    const { logger, clock } = this.#options;
    const closeAll = async (): Promise<void> => {
      await Promise.all([...this.#sides.map(closeSide), this.#watchdog?.close(), this.#gates?.close()]);
      await this.#http?.close();
    };
    return stopAll({ ...parts, ...signals, logger, clock, closeAll }, graceMs);
  }

  /** Takes no further deliveries, and stays connected. Resolves when the broker has confirmed it, or does not. */
  async quiet(): Promise<void> {
    this.#condition.phase = 'quiet';
    const { clock } = this.#options;
    await waitAtMost(clock, cancelMs, Promise.all(this.#capsules.map((capsule) => capsule.quiet())));
  }

  async resume(): Promise<void> {
    this.#condition.phase = 'running';
    const { clock } = this.#options;
    await waitAtMost(clock, cancelMs, Promise.all(this.#capsules.map((capsule) => capsule.resume())));
  }

  /** True once every queue is consumed, and until it stops. */
  get isStarted(): boolean {
    return this.#condition.phase === 'running' || this.#condition.phase === 'quiet';
  }

  health(): WorkerHealth {
    return this.#condition.report(this.#capsules);
  }

  describe(): WorkerDescription {
    return describeWorker(this.#options, this.#groups, this.#http?.url);
  }

  poolStats(): readonly PoolStats[] {
    return this.#pools.map((pool) => pool.stats());
  }

  get #taskSide(): Side {
    return this.#sides[0] as Side;
  }

  get #eventSide(): Side {
    return this.#sides.at(-1) as Side;
  }

  #contextParts(): ContextParts {
    const { config, clock, logger, tell, payloadStore: store } = this.#options;
    const common = { config, clock, newId: randomUUID };
    const payloads = new PayloadCheckIn({ store, config: config.tasks, logger, clock });
    return {
      logger,
      progress: (of, value) => tell('progress', { ...of, value }),
      taskSenderParts: { ...common, ...this.#taskSide.publishing, payloads, origin: producerName() },
      eventSender: new BrokerEventSender({
        ...common,
        ...this.#eventSide.publishing,
        source: serviceName(config),
      }),
    };
  }

  #addTasks(group: TaskGroup, { contextParts, validator, gates }: PreparerParts): void {
    const { config, tasks: handlers, modules, logger, clock, tell } = this.#options;
    const { time_zone: timeZone, delayed_delivery_ahead: delaysAhead } = config.tasks;
    const sides = { tasks: this.#taskSide.publishing, events: this.#eventSide.publishing };
    const stopping = this.#stopping.signal;
    const watch = this.#watchdog;
    const pool = openPool(group, { config, modules, sides, tell, stopping, logger, clock, watch });
    this.#pools.push(pool);
    const { config: handler, queues } = group;
    const elsewhere = handler.pool !== 'inline';
    const { payloadStore: store } = this.#options;
    const redeem = redeemer({ store, config: config.tasks, clock, stopping });
    const parts = { handlers, contextParts, validator, timeZone, config: handler, elsewhere, redeem };
    this.#addCapsule(this.#taskSide, {
      queues,
      prepare: taskPreparer(parts),
      copyForRetry: taskForRetry(timeZone),
      concurrency: handler.concurrency,
      pool,
      gates: gates.tasks,
      deliveryLimit: handler.delivery_limit,
      delaysAhead,
    });
  }

  #addCapsule(side: Side, plan: CapsulePlan): void {
    const { config, logger, clock, tell } = this.#options;
    const { capsule, delayPaths } = openCapsule(side, plan, {
      config,
      logger,
      clock,
      tell,
      suspects: this.#suspects,
      running: this.#cancellations,
      stopping: this.#stopping.signal,
      halted: this.#halted.signal,
    });
    this.#condition.watch(capsule.consumers);
    this.#capsules.push(capsule);
    this.#delayPaths.push(delayPaths);
  }

  /** Before anything is connected, so that probes are answered from the beginning. */
  async #openHttp(): Promise<void> {
    const handlers = this.#watchdog?.handlers;
    const http = await openHttp({ ...this.#options, handlers, health: () => this.health() });
    if (this.#stopping.signal.aborted) {
      await http?.close();
      throw wrongState('start', 'it was stopped');
    }
    this.#http = http;
  }

  /** Enters the applications into the registry. Their queues are bound by now, so a busy registry costs nothing. */
  async #register(): Promise<void> {
    const { applications, logger } = this.#options;
    if (applications.length === 0) return;
    const registry = this.#eventSide.applications;
    for (const { name, patterns } of applications) {
      await registry.register(name, patterns).catch((error: unknown) => {
        if (isCeleriacError(error) && !error.retryable) throw error;
        logger.warn('not entered into the list of applications; events arrive all the same', { name, error });
      });
    }
  }
}
