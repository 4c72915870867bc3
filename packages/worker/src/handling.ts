/**
 * What the deliveries of a worker are handled with: its gates, results and pools, and a capsule for each group of task
 * queues and each application. Opens, resizes and closes them; when, is the business of `Running`. Decides nothing about
 * single deliveries.
 */
import { randomUUID } from 'node:crypto';

import {
  type BrokerAccess,
  BrokerEventSender,
  type Clock,
  type Config,
  eventForRetry,
  eventPatterns,
  eventTemplates,
  type KeyStoreSource,
  loadValidator,
  openSentEvents,
  type Logger,
  PayloadCheckIn,
  type PayloadStore,
  type ResultWriter,
  producerName,
  type Section,
  serviceName,
  taskAtCheckpoint,
  taskForRetry,
  type Tell,
  type Validator,
} from '@celeriac/core';

import { chordsOf, openFollowUps, type OpenedFollowUps, signatureSender } from './canvas/open-follow-ups.js';
import type { Capsule } from './capsule.js';
import { planApplication, type TaskGroup } from './capsule-plan.js';
import type { ContextParts } from './context.js';
import type { Revocations } from './control/revocations.js';
import type { ToldLimits } from './control/told-limits.js';
import { type DelayPaths, keepDelayPaths } from './delay-paths.js';
import type { Application } from './event-handler/application.js';
import { eventPreparer } from './event-handler/prepare-event.js';
import { type Gates, openGates } from './gates/open-gates.js';
import { GroupSizes } from './group-sizes.js';
import type { TaskHandlers } from './handlers.js';
import { LostRuns } from './lost-runs.js';
import { type CapsulePlan, openCapsule, type OpenedCapsule } from './open-capsule.js';
import type { AnswerSide } from './pool/answer.js';
import { InlinePool } from './pool/inline.js';
import { openPool } from './pool/open-pool.js';
import type { Pool } from './pool/pool.js';
import { taskPreparer } from './prepare-task.js';
import { redeemer } from './redeem.js';
import { openResults } from './results/open-results.js';
import type { ResultKeeper } from './results/result-keeper.js';
import type { TaskEvents } from './monitoring/task-events.js';
import type { Side } from './side.js';
import type { Signatures } from './signatures.js';
import { Suspects } from './suspects.js';
import { TaskQueues } from './task-queues.js';
import type { Watchdog } from './watchdog.js';
import type { WorkInHand } from './work-in-hand.js';
import type { WorkerEvents } from './worker-events.js';

/** What is handled, and how it was asked for. */
export interface HandlingOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tasks: TaskHandlers;
  /** URLs of the modules that register handlers, for threads and processes. */
  readonly modules: readonly string[];
  /** There is no broker: tasks run inline, and signatures do not matter. */
  readonly isSimulated: boolean;
  /** Where results go then. */
  readonly results?: ResultWriter | undefined;
  /** Where large bodies are kept. */
  readonly payloadStore: PayloadStore | undefined;
  readonly applications: readonly Application[];
  readonly tell: Tell<WorkerEvents>;
}

export interface HandlingParts extends HandlingOptions {
  readonly access: BrokerAccess;
  readonly groups: readonly TaskGroup[];
  readonly sides: Readonly<Record<Section, Side>>;
  readonly signatures: Readonly<Record<Section, Signatures>>;
  readonly keyStore: KeyStoreSource;
  readonly revocations: Revocations;
  /** Limits that are told while it runs. */
  readonly told: ToldLimits;
  readonly watchdog: Watchdog | undefined;
  /** What waits for its turn, and what runs. */
  readonly inHand: WorkInHand;
  /** Tells monitors of tasks. */
  readonly monitors: TaskEvents;
  /** Fires when nothing new may be started. */
  readonly stopping: AbortSignal;
  /** Fires when nothing may be waited for any longer. */
  readonly halted: AbortSignal;
}

/** What is opened for all capsules first. */
interface Shared {
  readonly contextParts: ContextParts;
  readonly validator: Validator;
  readonly gates: Gates;
  readonly following: OpenedFollowUps;
}

export class Handling {
  readonly capsules: Capsule[] = [];
  /** Those of the capsules that are an application's, by its name. */
  readonly applications: Map<string, Capsule> = new Map<string, Capsule>();
  readonly pools: Pool[] = [];
  /** Of the groups of task queues. */
  readonly sizes: GroupSizes = new GroupSizes();
  readonly queues: TaskQueues;
  readonly inHand: WorkInHand;
  #parts: HandlingParts;
  #delayPaths: DelayPaths[] = [];
  #suspects = new Suspects();
  #lostRuns = new LostRuns();
  #results: ResultKeeper | undefined;
  /** What is closed at the end. */
  #opened: { close(): Promise<void> }[] = [];

  constructor(parts: HandlingParts) {
    this.#parts = parts;
    this.inHand = parts.inHand;
    const { config, tasks } = parts;
    this.queues = new TaskQueues({ config, tasks, sizes: this.sizes });
  }

  /** Connects to stores, consumes nothing yet. Rejects for what cannot be opened; `close` is to be called then too. */
  async open(): Promise<void> {
    const { access, groups, applications, isSimulated, sides } = this.#parts;
    const contextParts = this.#contextParts();
    const validator = await loadValidator();
    const gates = await openGates({ ...this.#parts, tls: access.tls });
    this.#opened.push(gates);
    const { sink } = sides.tasks.publishing;
    // Without a broker, in tests, there is no other store.
    const { results: writer } = this.#parts;
    if (!isSimulated || writer !== undefined)
      this.#results = await openResults({ ...this.#parts, sink, writer });
    if (this.#results !== undefined) this.#opened.push(this.#results);
    const { workflows: sender } = contextParts;
    const following = openFollowUps({ ...this.#parts, sender, results: this.#results });
    const shared = { contextParts, validator, gates, following };
    for (const group of groups) this.#addTasks(group, shared);
    for (const application of applications) this.#addApplication(application, shared);
  }

  /** Resolves when every queue is consumed; rejects when one cannot be, or when the worker stops before. */
  async consume(): Promise<void> {
    const { stopping } = this.#parts;
    await Promise.all(this.capsules.map((capsule) => capsule.start(stopping)));
    for (const paths of this.#delayPaths) keepDelayPaths(paths);
  }

  /** Closes stores. Capsules and pools are stopped before, in their own time. Never rejects. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.map((one) => one.close()));
  }

  #contextParts(): ContextParts {
    const { config, clock, logger, payloadStore: store, keyStore, sides } = this.#parts;
    const common = { config, clock, newId: randomUUID };
    const payloads = new PayloadCheckIn({ store, config: config.tasks, logger, clock });
    const origin = producerName();
    const sentEvents = openSentEvents({ ...common, sink: sides.tasks.publishing.transient, origin });
    const own = { payloads, keyStore, origin, sentEvents };
    const taskSenderParts = { ...common, ...this.#sending('tasks'), ...own };
    return {
      logger,
      ...this.#telling,
      taskSenderParts,
      workflows: signatureSender(taskSenderParts, () => chordsOf(this.#results)),
      eventSender: new BrokerEventSender({
        ...common,
        ...this.#sending('events'),
        source: serviceName(config),
      }),
    };
  }

  /** What running tasks say of themselves goes to who listens here, and to where results are kept. */
  readonly #telling: Pick<ContextParts, 'progress' | 'sent'> = {
    progress: (of, value) => {
      this.#results?.progress(of.id, value);
      this.#parts.tell('progress', { ...of, value });
    },
    sent: (id, child) => this.#results?.sent(id, child),
  };

  /** For what handlers send. */
  #sending(section: Section): AnswerSide {
    const { sides, signatures } = this.#parts;
    const { sink, transient, declarer } = sides[section].publishing;
    return { declarer, transient, sink: signatures[section].sink(sink) };
  }

  #addTasks(group: TaskGroup, { contextParts, validator, gates, following }: Shared): void {
    const { config, tasks: handlers, clock, logger, stopping, watchdog: watch, payloadStore } = this.#parts;
    const { time_zone: timeZone, delayed_delivery_ahead: delaysAhead } = config.tasks;
    const { config: handler, queues } = group;
    const calls = { tasks: this.#sending('tasks'), events: this.#sending('events') };
    const chords = () => chordsOf(this.#results);
    const pool = openPool(group, { ...this.#parts, sides: calls, ...this.#telling, watch, chords });
    this.pools.push(pool);
    const { tasks: signatures } = this.#parts.signatures;
    const prepare = taskPreparer({
      ...{ handlers, contextParts, validator, timeZone, config: handler, told: this.#parts.told },
      elsewhere: handler.pool !== 'inline',
      redeem: redeemer({ store: payloadStore, config: config.tasks, clock, stopping }),
      batching: { clock, logger, stopping },
    });
    const opened = this.#addCapsule('tasks', {
      queues,
      prepare: signatures.verifying(prepare),
      trusts: signatures.trusts,
      copyForRetry: signatures.copies(taskForRetry(timeZone)),
      copyAtCheckpoint: signatures.copies(taskAtCheckpoint(timeZone)),
      concurrency: handler.concurrency,
      pool,
      gates: [following.gate, ...gates.tasks],
      results: this.#results,
      followUps: following.followUps,
      deliveryLimit: handler.delivery_limit,
      delaysAhead,
    });
    this.queues.open({ group, ...opened });
    this.sizes.add(group, pool, opened.capsule);
  }

  #addApplication(application: Application, { contextParts, validator, gates }: Shared): void {
    const { config, clock, logger, stopping, watchdog: watch, signatures } = this.#parts;
    const templates = eventTemplates(config.events);
    const { event_handler: handler } = config;
    application.resolve((wanted) => eventPatterns(config.events, wanted));
    const plan = planApplication(config, application);
    const batching = { clock, logger, stopping };
    const parts = { contextParts, validator, templates, batching };
    const prepare = eventPreparer({ ...parts, application, config: handler });
    const { capsule } = this.#addCapsule('events', {
      queues: [plan],
      prepare: signatures.events.verifying(prepare),
      copyForRetry: signatures.events.copies(eventForRetry),
      concurrency: plan.prefetch,
      pool: new InlinePool(application.name, { logger, clock, watch }),
      gates: gates.events,
      deliveryLimit: handler.delivery_limit,
      delaysAhead: handler.retry.max !== undefined || application.retries,
    });
    this.applications.set(application.name, capsule);
  }

  #addCapsule(section: Section, plan: CapsulePlan): OpenedCapsule {
    const opened = openCapsule(this.#parts.sides[section], plan, {
      ...this.#parts,
      suspects: this.#suspects,
      lostRuns: this.#lostRuns,
    });
    this.capsules.push(opened.capsule);
    this.#delayPaths.push(opened.delayPaths);
    return opened;
  }
}
