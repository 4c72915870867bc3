/**
 * A worker that runs: its connections, and the order in which it starts, becomes quiet and stops. Decides nothing about
 * single deliveries; what they are handled with is in `handling`.
 */
import {
  type BrokerAccess,
  brokerAccess,
  isOneBroker,
  keyStoreSource,
  type KeyStoreSource,
  type Section,
  serviceName,
  waitAtMost,
} from '@celeriac/core';

import type { Capsule } from './capsule.js';
import { planTaskGroups, type TaskGroup } from './capsule-plan.js';
import { Condition, type WorkerHealth } from './condition.js';
import { Control } from './control/control.js';
import { Revocations } from './control/revocations.js';
import { ToldLimits } from './control/told-limits.js';
import { describeWorker } from './describe.js';
import { Pauses } from './event-handler/pauses.js';
import { registerApplications } from './event-handler/register-applications.js';
import type { GroupSizes } from './group-sizes.js';
import { Handling, type HandlingOptions } from './handling.js';
import { type HttpEndpoint, openHttp } from './http/open-http.js';
import { Monitoring } from './monitoring/monitoring.js';
import { warnOfOverlongTasks } from './overlong-tasks.js';
import { checkHandlers } from './pool/open-pool.js';
import { closeSide, type OpenSide, type Side, sideReady, watchSide } from './side.js';
import { openSignatures, type Signatures, unsigned } from './signatures.js';
import { cancelMs, stopAll } from './stopping.js';
import { openWatchdog, type Watchdog } from './watchdog.js';
import type { StopReport, WorkerDescription } from './worker-events.js';
import { WorkInHand } from './work-in-hand.js';
import { wrongState } from './worker-state.js';

export interface RunningOptions extends HandlingOptions {
  /** Consume these task queues and no others. */
  readonly queues: readonly string[] | undefined;
  readonly openSide: OpenSide;
  /** Stops the worker, for who asks for it from outside. */
  readonly shutdown: () => void;
  /** Default: as configured. */
  readonly keyStore?: KeyStoreSource | undefined;
}

/** Events wait for the list of what is paused when the worker starts: not for long. */
const pausesMs = 15_000;

type Opened = RunningOptions & { readonly access: BrokerAccess };

export class Running {
  #options: Opened;
  #sides: readonly Side[];
  #groups: readonly TaskGroup[];
  #handling: Handling;
  #revocations: Revocations;
  #told: ToldLimits;
  #pauses: Pauses;
  #keyStore: KeyStoreSource;
  #monitoring: Monitoring;
  #watchdog: Watchdog | undefined;
  #control: Control | undefined;
  #condition: Condition;
  #http: HttpEndpoint | undefined;
  #stopping = new AbortController();
  #halted = new AbortController();

  private constructor(
    options: Opened,
    sides: readonly Side[],
    signatures: Readonly<Record<Section, Signatures>>,
  ) {
    this.#options = options;
    this.#sides = sides;
    this.#keyStore = options.keyStore ?? openKeyStore(options);
    const { tell, tasks, config, clock, isSimulated: isInlineOnly, queues } = options;
    this.#told = new ToldLimits(tasks);
    const { cancel_expiry: expiry, max_cancelled: most } = config.tasks;
    this.#revocations = new Revocations(clock, { expiryMs: expiry * 1000, most });
    this.#groups = tasks.names.length === 0 ? [] : planTaskGroups(config, { queues, tasks, isInlineOnly });
    this.#condition = new Condition(sides);
    this.#watchdog = openWatchdog(options);
    const inHand = new WorkInHand();
    this.#monitoring = new Monitoring({ ...options, side: this.#taskSide, inHand });
    this.#handling = new Handling({
      ...options,
      inHand,
      monitors: this.#monitoring.tasks,
      groups: this.#groups,
      sides: { tasks: this.#taskSide, events: this.#eventSide },
      signatures,
      keyStore: this.#keyStore,
      revocations: this.#revocations,
      told: this.#told,
      watchdog: this.#watchdog,
      stopping: this.#stopping.signal,
      halted: this.#halted.signal,
    });
    const list = () => this.#eventSide.applications.list();
    this.#pauses = new Pauses({ ...options, list, capsules: this.#handling.applications });
    for (const side of sides) {
      watchSide(side, {
        lost: (error) => tell('lost', error),
        restored: (generation) => {
          tell('restored', generation);
          if (this.isStarted) void this.#pauses.read();
        },
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
    const { applications, logger, tasks } = this.#options;
    await this.#openHttp();
    await Promise.all(this.#sides.map(sideReady));
    this.#condition.connected();
    this.#mustGoOn();
    checkHandlers(this.#groups, tasks);
    warnOfOverlongTasks(this.#groups, this.#options);
    await this.#openHandling();
    const { pools, capsules } = this.#handling;
    for (const { consumers } of capsules) this.#condition.watch(consumers);
    await Promise.all([...pools.map((pool) => pool.start()), this.#openControl()]);
    // After the first request can be heard: what is paused in between is heard of.
    await waitAtMost(this.#options.clock, pausesMs, this.#pauses.read());
    this.#mustGoOn();
    await this.#handling.consume();
    await registerApplications(this.#eventSide.applications, { applications, logger });
    if (this.#condition.phase === 'starting') this.#condition.phase = 'running';
    this.#monitoring.start();
  }

  /** Stops within the grace (milliseconds) and a few seconds. Never rejects. */
  stop(graceMs: number = this.#options.config.task_handler.shutdown_grace * 1000): Promise<StopReport> {
    this.#condition.phase = 'stopping';
    const { logger, clock } = this.#options;
    const { capsules, pools, inHand: handlers } = this.#handling;
    const signals = { stopping: this.#stopping, halted: this.#halted };
    const closeAll = async (): Promise<void> => {
      await waitAtMost(clock, cancelMs, Promise.all([this.#control?.close(), this.#monitoring.close()]));
      await Promise.all([...this.#sides.map(closeSide), this.#watchdog?.close(), this.#handling.close()]);
      await this.#keyStore.close();
      await this.#http?.close();
    };
    return stopAll({ capsules, pools, handlers, ...signals, logger, clock, closeAll }, graceMs);
  }

  /** Takes no further deliveries, and stays connected. Resolves when the broker has confirmed it, or does not. */
  async quiet(): Promise<void> {
    this.#condition.phase = 'quiet';
    await this.#tellCapsules((capsule) => capsule.quiet());
  }

  async resume(): Promise<void> {
    this.#condition.phase = 'running';
    await this.#tellCapsules((capsule) => capsule.resume());
  }

  /** True once every queue is consumed, and until it stops. */
  get isStarted(): boolean {
    return this.#condition.phase === 'running' || this.#condition.phase === 'quiet';
  }

  /** Of the groups of task queues. */
  get sizes(): GroupSizes {
    return this.#handling.sizes;
  }

  health(): WorkerHealth {
    return this.#condition.report(this.#handling.capsules);
  }

  describe(): WorkerDescription {
    return describeWorker(this.#options, this.#groups, this.#http?.url);
  }

  get #taskSide(): Side {
    return this.#sides[0] as Side;
  }

  get #eventSide(): Side {
    return this.#sides.at(-1) as Side;
  }

  async #tellCapsules(tell: (capsule: Capsule) => Promise<void>): Promise<void> {
    await waitAtMost(this.#options.clock, cancelMs, Promise.all(this.#handling.capsules.map(tell)));
  }

  #mustGoOn(): void {
    if (this.#stopping.signal.aborted) throw wrongState('start', 'it was stopped');
  }

  /** What was opened while the worker was stopped is closed here: its stop has come before. */
  async #openHandling(): Promise<void> {
    await this.#handling.open();
    if (this.#stopping.signal.aborted) await this.#handling.close();
    this.#mustGoOn();
  }

  /** Before the first task is taken: it may be cancelled. */
  async #openControl(): Promise<void> {
    if (this.#options.config.task_handler.remote_control === 'off') return;
    const { inHand, queues, sizes, applications } = this.#handling;
    this.#control = new Control({
      ...this.#options,
      side: this.#taskSide,
      inHand,
      applications,
      pauses: this.#pauses,
      revocations: this.#revocations,
      groups: this.#groups,
      queues,
      pools: () => sizes.stats(),
      node: this.#monitoring.node,
      lamport: this.#monitoring.lamport,
      told: this.#told,
      ports: this.#monitoring.ports,
    });
    await this.#control.start(this.#stopping.signal);
  }

  /** Before anything is connected, so that probes are answered from the beginning. */
  async #openHttp(): Promise<void> {
    const handlers = this.#watchdog?.handlers;
    const http = await openHttp({ ...this.#options, handlers, health: () => this.health() });
    if (this.#stopping.signal.aborted) await http?.close();
    this.#mustGoOn();
    this.#http = http;
  }
}

function openKeyStore({ config, logger, clock, access }: Opened): KeyStoreSource {
  const name = `${serviceName(config)} worker`;
  return keyStoreSource({ config: config.key_store, name, logger, clock, tls: access.tls });
}
