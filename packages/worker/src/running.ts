/**
 * A worker that runs: its connections and capsules, and the order in which they start and stop. Decides nothing
 * about single deliveries.
 */
import { randomUUID } from 'node:crypto';

import {
  type BrokerAccess,
  brokerAccess,
  BrokerEventSender,
  type Clock,
  type Config,
  eventForRetry,
  eventType,
  isOneBroker,
  loadValidator,
  openSentEvents,
  type Logger,
  PayloadCheckIn,
  type PayloadStore,
  producerName,
  type Section,
  serviceName,
  taskForRetry,
  type Tell,
  type Validator,
  waitAtMost,
} from '@celeriac/core';

import type { Capsule } from './capsule.js';
import { planApplication, planTaskGroups, type TaskGroup } from './capsule-plan.js';
import type { ContextParts } from './context.js';
import { Control } from './control/control.js';
import { Revocations } from './control/revocations.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';
import { describeWorker } from './describe.js';
import type { Application } from './event-handler/application.js';
import { registerApplications } from './event-handler/register-applications.js';
import { eventPreparer } from './event-handler/prepare-event.js';
import { type Gates, openGates } from './gates/open-gates.js';
import type { TaskHandlers } from './handlers.js';
import { type CapsulePlan, openCapsule, type OpenedCapsule, workerName } from './open-capsule.js';
import type { AnswerSide } from './pool/answer.js';
import { type HttpEndpoint, openHttp } from './http/open-http.js';
import { Condition, type WorkerHealth } from './condition.js';
import { Monitoring } from './monitoring/monitoring.js';
import { InlinePool } from './pool/inline.js';
import { checkHandlers, openPool } from './pool/open-pool.js';
import type { Pool, PoolStats } from './pool/pool.js';
import { taskPreparer } from './prepare-task.js';
import { openResults } from './results/open-results.js';
import type { ResultKeeper } from './results/result-keeper.js';
import { openSignatures, type Signatures, unsigned } from './signatures.js';
import { TaskQueues } from './task-queues.js';
import { redeemer } from './redeem.js';
import { closeSide, type OpenSide, type Side, sideReady, watchSide } from './side.js';
import { Suspects } from './suspects.js';
import { cancelMs, stopAll } from './stopping.js';
import { openWatchdog, type Watchdog } from './watchdog.js';
import { WorkInHand } from './work-in-hand.js';
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
  /** There is no broker: tasks run inline, and signatures do not matter. */
  readonly isSimulated: boolean;
  /** Where large bodies are kept. */
  readonly payloadStore: PayloadStore | undefined;
  readonly applications: readonly Application[];
  readonly tell: Tell<WorkerEvents>;
  readonly openSide: OpenSide;
  /** Stops the worker, for who asks for it from outside. */
  readonly shutdown: () => void;
}

type Opened = RunningOptions & { readonly access: BrokerAccess };

interface PreparerParts {
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  readonly gates: Gates;
}

type BySection = Readonly<Record<Section, Signatures>>;

export class Running {
  #options: Opened;
  #signatures: BySection;
  #sides: readonly Side[];
  #capsules: Capsule[] = [];
  #pools: Pool[] = [];
  #groups: readonly TaskGroup[];
  #delayPaths: DelayPaths[] = [];
  #inHandWork = new WorkInHand();
  #queues: TaskQueues;
  #revocations: Revocations;
  #control: Control | undefined;
  #monitoring: Monitoring;
  #suspects = new Suspects();
  #stopping = new AbortController();
  #halted = new AbortController();
  #watchdog: Watchdog | undefined;
  /** What is closed at the end, beside the connections. */
  #opened: { close(): Promise<void> }[] = [];
  #results: ResultKeeper | undefined;
  #condition: Condition;
  #http: HttpEndpoint | undefined;

  private constructor(options: Opened, sides: readonly Side[], signatures: BySection) {
    this.#options = options;
    this.#signatures = signatures;
    this.#sides = sides;
    const { tell, tasks, config, clock } = options;
    const { cancel_expiry: expiry, max_cancelled: most } = config.tasks;
    this.#queues = new TaskQueues(config);
    this.#revocations = new Revocations(clock, { expiryMs: expiry * 1000, most });
    const { queues, isSimulated: isInlineOnly } = options;
    this.#groups = tasks.names.length === 0 ? [] : planTaskGroups(config, { queues, isInlineOnly });
    this.#condition = new Condition(sides);
    this.#monitoring = new Monitoring({ ...options, side: this.#taskSide, inHand: this.#inHandWork });
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
    const access = await brokerAccess(config, logger);
    const broker = { config, logger, clock, access };
    const signatures = options.isSimulated ? unsigned : await openSignatures(options);
    const sections = isOneBroker(config) ? (['tasks'] as const) : (['tasks', 'events'] as const);
    return new Running(
      { ...options, access },
      sections.map((section) => options.openSide(broker, section)),
      signatures,
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
    const stopping = this.#stopping.signal;
    const { access } = this.#options;
    const gates = await openGates({
      ...this.#options,
      tls: access.tls,
      stopping,
      revocations: this.#revocations,
    });
    this.#opened.push(gates);
    await this.#openResults();
    for (const group of this.#groups) this.#addTasks(group, { contextParts, validator, gates });
    for (const application of applications) {
      application.resolve(({ object, action }) => eventType(typePattern, object, action));
      const plan = planApplication(config, application);
      const { event_handler: handler } = config;
      const prepare = eventPreparer({ application, contextParts, validator, typePattern, config: handler });
      const { prefetch: concurrency } = plan;
      this.#addCapsule(this.#eventSide, {
        queues: [plan],
        prepare: this.#signatures.events.verifying(prepare),
        copyForRetry: this.#signatures.events.copies(eventForRetry),
        concurrency,
        pool: new InlinePool(application.name, { logger, clock, watch: this.#watchdog }),
        gates: gates.events,
        deliveryLimit: handler.delivery_limit,
        delaysAhead: handler.retry.max !== undefined || application.retries,
      });
    }
    await Promise.all([...this.#pools.map((pool) => pool.start()), this.#openControl()]);
    await Promise.all(this.#capsules.map((capsule) => capsule.start(this.#stopping.signal)));
    for (const paths of this.#delayPaths) keepDelayPaths(paths);
    await registerApplications(this.#eventSide.applications, { applications, logger });
    if (this.#condition.phase === 'starting') this.#condition.phase = 'running';
    this.#monitoring.start();
  }

  /** Stops within the grace (milliseconds) and a few seconds. Never rejects. */
  stop(graceMs: number = this.#options.config.task_handler.shutdown_grace * 1000): Promise<StopReport> {
    this.#condition.phase = 'stopping';
    const parts = { capsules: this.#capsules, pools: this.#pools, handlers: this.#inHandWork };
    const signals = { stopping: this.#stopping, halted: this.#halted };
    const { logger, clock } = this.#options;
    const closeAll = async (): Promise<void> => {
      await waitAtMost(clock, cancelMs, Promise.all([this.#control?.close(), this.#monitoring.close()]));
      await Promise.all([
        ...this.#sides.map(closeSide),
        this.#watchdog?.close(),
        ...this.#opened.map((one) => one.close()),
      ]);
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
    const { config, clock, logger, payloadStore: store } = this.#options;
    const common = { config, clock, newId: randomUUID };
    const { transient } = this.#taskSide.publishing;
    const payloads = new PayloadCheckIn({ store, config: config.tasks, logger, clock });
    return {
      logger,
      ...this.#telling,
      taskSenderParts: {
        ...common,
        ...this.#sending('tasks'),
        payloads,
        origin: producerName(),
        sentEvents: openSentEvents({ ...common, sink: transient, origin: producerName() }),
      },
      eventSender: new BrokerEventSender({
        ...common,
        ...this.#sending('events'),
        source: serviceName(config),
      }),
    };
  }

  async #openResults(): Promise<void> {
    const { sink } = this.#taskSide.publishing;
    const halted = this.#halted.signal;
    const results = await openResults({ ...this.#options, sink, halted, worker: workerName() });
    if (results === undefined) return;
    this.#results = results;
    this.#opened.push(results);
    if (!this.#stopping.signal.aborted) return;
    await results.close(); // it was stopped meanwhile, and had nothing to close then
    throw wrongState('start', 'it was stopped');
  }

  /** What running tasks say of themselves goes to who listens here, and to where results are kept. */
  readonly #telling: Pick<ContextParts, 'progress' | 'sent'> = {
    progress: (of, value) => {
      this.#results?.progress(of.id, value);
      this.#options.tell('progress', { ...of, value });
    },
    sent: (id, child) => this.#results?.sent(id, child),
  };

  /** For what handlers send. */
  #sending(section: Section): AnswerSide {
    const { publishing } = section === 'tasks' ? this.#taskSide : this.#eventSide;
    const { sink, transient, declarer } = publishing;
    return { declarer, transient, sink: this.#signatures[section].sink(sink) };
  }

  #addTasks(group: TaskGroup, { contextParts, validator, gates }: PreparerParts): void {
    const { config, tasks: handlers, modules, logger, clock } = this.#options;
    const { time_zone: timeZone, delayed_delivery_ahead: delaysAhead } = config.tasks;
    const sides = { tasks: this.#sending('tasks'), events: this.#sending('events') };
    const stopping = this.#stopping.signal;
    const watch = this.#watchdog;
    const pool = openPool(group, {
      config,
      modules,
      sides,
      ...this.#telling,
      stopping,
      logger,
      clock,
      watch,
    });
    this.#pools.push(pool);
    const { config: handler, queues } = group;
    const elsewhere = handler.pool !== 'inline';
    const { payloadStore: store } = this.#options;
    const redeem = redeemer({ store, config: config.tasks, clock, stopping });
    const parts = { handlers, contextParts, validator, timeZone, config: handler, elsewhere, redeem };
    const opened = this.#addCapsule(this.#taskSide, {
      queues,
      prepare: this.#signatures.tasks.verifying(taskPreparer(parts)),
      copyForRetry: this.#signatures.tasks.copies(taskForRetry(timeZone)),
      concurrency: handler.concurrency,
      pool,
      gates: gates.tasks,
      results: this.#results,
      deliveryLimit: handler.delivery_limit,
      delaysAhead,
    });
    this.#queues.open({ group, ...opened });
  }

  #addCapsule(side: Side, plan: CapsulePlan): OpenedCapsule {
    const { config, logger, clock, tell } = this.#options;
    const opened = openCapsule(side, plan, {
      config,
      logger,
      clock,
      tell,
      suspects: this.#suspects,
      inHand: this.#inHandWork,
      monitors: this.#monitoring.tasks,
      stopping: this.#stopping.signal,
      halted: this.#halted.signal,
    });
    this.#condition.watch(opened.capsule.consumers);
    this.#capsules.push(opened.capsule);
    this.#delayPaths.push(opened.delayPaths);
    return opened;
  }

  /** Before the first task is taken: it may be cancelled. */
  async #openControl(): Promise<void> {
    const { config } = this.#options;
    if (config.task_handler.remote_control === 'off') return;
    this.#control = new Control({
      ...this.#options,
      side: this.#taskSide,
      inHand: this.#inHandWork,
      revocations: this.#revocations,
      groups: this.#groups,
      queues: this.#queues,
      pools: () => this.poolStats(),
      node: this.#monitoring.node,
      lamport: this.#monitoring.lamport,
      ports: this.#monitoring.ports,
    });
    await this.#control.start(this.#stopping.signal);
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
}
