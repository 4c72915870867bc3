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
  producerName,
  serviceName,
  taskAtCheckpoint,
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
import type { Application } from './event-handler/application.js';
import { eventPreparer } from './event-handler/prepare-event.js';
import { type Gates, openGates } from './gates/open-gates.js';
import type { TaskHandlers } from './handlers.js';
import { type CapsulePlan, openCapsule } from './open-capsule.js';
import { GroupSizes } from './group-sizes.js';
import { LostRuns } from './lost-runs.js';
import { warnOfOverlongTasks } from './overlong-tasks.js';
import { InlinePool } from './pool/inline.js';
import { checkHandlers, openPool } from './pool/open-pool.js';
import type { Pool } from './pool/pool.js';
import { taskPreparer } from './prepare-task.js';
import { closeSide, type OpenSide, type Side, sideReady, watchSide } from './side.js';
import { Suspects } from './suspects.js';
import { openWatchdog, type Watchdog } from './watchdog.js';
import type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
import { stopping as stoppingError, wrongState } from './worker-state.js';

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
  readonly applications: readonly Application[];
  readonly tell: Tell<WorkerEvents>;
  readonly openSide: OpenSide;
}

interface PreparerParts {
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  readonly gates: Gates;
}

/** How long handlers have to heed their signal once the grace is over. */
const heedMs = 1_000;
/** How long the broker has to confirm that it sends no more. */
const cancelMs = 2_000;

export class Running {
  #options: RunningOptions;
  #sides: readonly Side[];
  #capsules: Capsule[] = [];
  #pools: Pool[] = [];
  #groups: readonly TaskGroup[];
  /** Of the groups of task queues. */
  readonly sizes: GroupSizes = new GroupSizes();
  #delayPaths: DelayPaths[] = [];
  #cancellations = new Set<Cancellation>();
  #suspects = new Suspects();
  #lostRuns = new LostRuns();
  #stopping = new AbortController();
  #halted = new AbortController();
  #watchdog: Watchdog | undefined;
  #gates: Gates | undefined;

  private constructor(options: RunningOptions, sides: readonly Side[]) {
    this.#options = options;
    this.#sides = sides;
    const { tell, tasks } = options;
    this.#groups = tasks.names.length === 0 ? [] : planTaskGroups(options.config, options);
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
    await Promise.all(this.#sides.map(sideReady));
    const { config, applications, logger, clock } = this.#options;
    const contextParts = this.#contextParts();
    const validator = await loadValidator();
    if (this.#stopping.signal.aborted) throw wrongState('start', 'it was stopped');
    this.#watchdog = openWatchdog(this.#options);
    const { routing_key: typePattern } = config.events;
    checkHandlers(this.#groups, this.#options.tasks);
    warnOfOverlongTasks(this.#groups, this.#options);
    const gates = await openGates(this.#options);
    this.#gates = gates;
    for (const group of this.#groups) this.#addTasks(group, { contextParts, validator, gates });
    for (const application of applications) {
      application.resolve(({ object, action }) => eventType(typePattern, object, action));
      const plan = planApplication(config, application);
      const { event_handler: handler } = config;
      const batching = { clock, logger, stopping: this.#stopping.signal };
      const parts = { contextParts, validator, typePattern, batching };
      const prepare = eventPreparer({ ...parts, application, config: handler });
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
  }

  /** Stops within the grace (milliseconds) and a few seconds. Never rejects. */
  async stop(graceMs: number = this.#options.config.task_handler.shutdown_grace * 1000): Promise<StopReport> {
    const { logger, clock } = this.#options;
    await waitAtMost(clock, cancelMs, Promise.all(this.#capsules.map((capsule) => capsule.cancel())));
    this.#stopping.abort(); // what waits for a slot or its time goes back
    if (this.#inHand > 0) logger.info('draining', { inHand: this.#inHand, grace: graceMs / 1000 });
    await waitAtMost(clock, graceMs, this.#idle());
    const unfinished = this.#inHand;
    this.#halted.abort();
    if (unfinished > 0) {
      for (const cancellation of this.#cancellations) cancellation.cancel('shutdown', stoppingError());
      await waitAtMost(clock, heedMs, this.#idle());
    }
    // What heeds nothing ends here, where it can be ended, and its message goes back at once.
    const hasChildren = this.#groups.some(({ config }) => config.pool !== 'inline');
    await waitAtMost(clock, cancelMs * 2, Promise.all(this.#pools.map((pool) => pool.close())));
    if (hasChildren && this.#inHand > 0) await waitAtMost(clock, heedMs, this.#idle());
    for (const capsule of this.#capsules) for (const consumer of capsule.consumers) consumer.flush();
    await waitAtMost(clock, cancelMs, Promise.all(this.#capsules.map((capsule) => capsule.close())));
    const left = this.#inHand;
    await Promise.all([...this.#sides.map(closeSide), this.#watchdog?.close(), this.#gates?.close()]);
    if (left > 0) logger.warn('handlers left unfinished: their messages go back to the queue', { left });
    return { drained: unfinished === 0, unfinished: left };
  }

  describe(): WorkerDescription {
    const { config, tasks, applications } = this.#options;
    const brokers = new Set([
      ...config.tasks.connection_string.addresses,
      ...config.events.connection_string.addresses,
    ]);
    return {
      service: serviceName(config),
      brokers: [...new Set([...brokers].map(String))],
      queues: this.#groups.flatMap(({ config: { queues } }) => queues),
      concurrency: config.task_handler.concurrency,
      pools: this.#groups.map(({ name, config: { pool: kind, queues, concurrency } }) => {
        return { name, kind, queues, concurrency };
      }),
      tasks: tasks.names,
      applications: applications.map((application) => {
        const { queue, prefetch } = planApplication(config, application);
        return { name: application.name, queue, prefetch, patterns: application.patterns };
      }),
    };
  }

  get #taskSide(): Side {
    return this.#sides[0] as Side;
  }

  get #eventSide(): Side {
    return this.#sides.at(-1) as Side;
  }

  get #inHand(): number {
    return this.#capsules.reduce((sum, capsule) => sum + capsule.inHand, 0);
  }

  async #idle(): Promise<void> {
    await Promise.all(this.#capsules.map((capsule) => capsule.idle()));
  }

  #contextParts(): ContextParts {
    const { config, clock, logger, tell } = this.#options;
    const common = { config, clock, newId: randomUUID };
    return {
      logger,
      progress: (of, value) => tell('progress', { ...of, value }),
      taskSenderParts: { ...common, ...this.#taskSide.publishing, origin: producerName() },
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
    const batching = { clock, logger, stopping };
    const parts = { handlers, contextParts, validator, timeZone, config: handler, elsewhere, batching };
    const capsule = this.#addCapsule(this.#taskSide, {
      queues,
      prepare: taskPreparer(parts),
      copyForRetry: taskForRetry(timeZone),
      copyAtCheckpoint: taskAtCheckpoint(timeZone),
      concurrency: handler.concurrency,
      pool,
      gates: gates.tasks,
      deliveryLimit: handler.delivery_limit,
      delaysAhead,
    });
    this.sizes.add(group, pool, capsule);
  }

  #addCapsule(side: Side, plan: CapsulePlan): Capsule {
    const { config, logger, clock, tell } = this.#options;
    const { capsule, delayPaths } = openCapsule(side, plan, {
      config,
      logger,
      clock,
      tell,
      suspects: this.#suspects,
      lostRuns: this.#lostRuns,
      running: this.#cancellations,
      stopping: this.#stopping.signal,
      halted: this.#halted.signal,
    });
    this.#capsules.push(capsule);
    this.#delayPaths.push(delayPaths);
    return capsule;
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
