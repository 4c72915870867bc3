/**
 * A worker that runs: its connections and capsules, and the order in which they start and stop. Decides nothing
 * about single deliveries.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import {
  brokerAccess,
  BrokerEventSender,
  type Clock,
  type Config,
  type CopyForRetry,
  Delays,
  eventForRetry,
  eventType,
  isOneBroker,
  isCeleriacError,
  loadValidator,
  type Logger,
  producerName,
  serviceName,
  taskForRetry,
  type Tell,
  type Topology,
  waitAtMost,
} from '@celeriac/core';

import type { Cancellation } from './cancellation.js';
import { Capsule } from './capsule.js';
import { planApplication, planTaskQueues, type QueuePlan } from './capsule-plan.js';
import type { ContextParts } from './context.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';
import type { DispatchParts } from './dispatch.js';
import type { Application } from './event-handler/application.js';
import { eventPreparer } from './event-handler/prepare-event.js';
import type { TaskHandlers } from './handlers.js';
import { taskPreparer } from './prepare-task.js';
import { Report } from './report.js';
import { closeSide, type OpenSide, type Side, sideReady, watchSide } from './side.js';
import { Slots } from './slots.js';
import { openWatchdog, type Watchdog } from './watchdog.js';
import { Suspects } from './suspects.js';
import type { Prepare } from './work.js';
import type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
import { stopping as stoppingError, wrongState } from './worker-state.js';

export interface RunningOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tasks: TaskHandlers;
  readonly applications: readonly Application[];
  readonly tell: Tell<WorkerEvents>;
  readonly openSide: OpenSide;
}

interface CapsulePlan {
  readonly queues: readonly QueuePlan[];
  readonly prepare: Prepare;
  readonly copyForRetry: CopyForRetry;
  readonly concurrency: number;
  readonly deliveryLimit: number;
  /** True: what delays need is declared before the first one. */
  readonly delaysAhead: boolean;
}

/** How long handlers have to heed their signal once the grace is over. */
const heedMs = 1_000;
/** How long the broker has to confirm that it sends no more. */
const cancelMs = 2_000;

export class Running {
  #options: RunningOptions;
  #sides: readonly Side[];
  #capsules: Capsule[] = [];
  #delayPaths: DelayPaths[] = [];
  #cancellations = new Set<Cancellation>();
  #suspects = new Suspects();
  #stopping = new AbortController();
  #halted = new AbortController();
  #watchdog: Watchdog | undefined;

  private constructor(options: RunningOptions, sides: readonly Side[]) {
    this.#options = options;
    this.#sides = sides;
    const { tell } = options;
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
    const { config, applications, tasks } = this.#options;
    const contextParts = this.#contextParts();
    const validator = await loadValidator();
    if (this.#stopping.signal.aborted) throw wrongState('start', 'it was stopped');
    this.#watchdog = openWatchdog(this.#options);
    if (tasks.names.length > 0) {
      const { time_zone: timeZone } = config.tasks;
      const { task_handler: handler } = config;
      const prepare = taskPreparer({ handlers: tasks, contextParts, validator, timeZone, config: handler });
      const { concurrency } = handler;
      const copyForRetry = taskForRetry(timeZone);
      this.#addCapsule(this.#taskSide, {
        queues: planTaskQueues(config),
        prepare,
        copyForRetry,
        concurrency,
        deliveryLimit: handler.delivery_limit,
        delaysAhead: config.tasks.delayed_delivery_ahead,
      });
    }
    const { routing_key: typePattern } = config.events;
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
        deliveryLimit: handler.delivery_limit,
        delaysAhead: handler.retry.max !== undefined || application.retries,
      });
    }
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
    for (const capsule of this.#capsules) for (const consumer of capsule.consumers) consumer.flush();
    await waitAtMost(clock, cancelMs, Promise.all(this.#capsules.map((capsule) => capsule.close())));
    const left = this.#inHand;
    await Promise.all([...this.#sides.map(closeSide), this.#watchdog?.close()]);
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
      queues: tasks.names.length > 0 ? config.task_handler.queues : [],
      concurrency: config.task_handler.concurrency,
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
    const { config, clock, logger } = this.#options;
    const common = { config, clock, newId: randomUUID };
    return {
      logger,
      taskSenderParts: { ...common, ...this.#taskSide.publishing, origin: producerName() },
      eventSender: new BrokerEventSender({
        ...common,
        ...this.#eventSide.publishing,
        source: serviceName(config),
      }),
    };
  }

  #addCapsule(side: Side, plan: CapsulePlan): void {
    const { logger, clock, tell, config } = this.#options;
    const { publishing } = side;
    const topologies = new Map(plan.queues.map(({ queue, topology }) => [queue, topology]));
    const topologyOf = (queue: string): Topology => topologies.get(queue) as Topology;
    const { delayed_delivery_queue_type: queueType } = config.tasks;
    const { declarer } = publishing;
    const delays = new Delays({ declarer, queueType, topologyOf });
    const dispatchParts: DispatchParts = {
      prepare: plan.prepare,
      slots: new Slots(plan.concurrency),
      watch: this.#watchdog,
      deliveryLimit: plan.deliveryLimit,
      suspects: this.#suspects,
      report: new Report(logger, tell),
      running: this.#cancellations,
      stopping: this.#stopping.signal,
      halted: this.#halted.signal,
      sink: publishing.sink,
      declarer,
      deadLetterTopology: topologyOf,
      delays,
      copyForRetry: plan.copyForRetry,
      worker: `${process.pid}@${hostname()}`,
      clock,
      logger,
    };
    const capsule = new Capsule({ side, queues: plan.queues, dispatchParts, logger, clock });
    this.#capsules.push(capsule);
    const { delaysAhead: ahead } = plan;
    const stopping = this.#stopping.signal;
    this.#delayPaths.push({ consumers: capsule.consumers, delays, ahead, logger, stopping });
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
