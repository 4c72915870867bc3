/** From the plan of a capsule to one that can be started: what its deliveries are dispatched with. Decides nothing. */
import { hostname } from 'node:os';

import {
  type Clock,
  type Config,
  type CopyAtCheckpointInQueue,
  type CopyInQueue,
  Delays,
  type Logger,
  taskTopology,
  type Tell,
  type Topology,
} from '@celeriac/core';

import { Capsule } from './capsule.js';
import type { QueuePlan } from './capsule-plan.js';
import type { FollowUps } from './canvas/follow-ups.js';
import type { DelayPaths } from './delay-paths.js';
import type { DispatchParts } from './dispatch-parts.js';
import type { Gate } from './gate.js';
import type { TaskEvents } from './monitoring/task-events.js';
import type { Pool } from './pool/pool.js';
import type { LostRuns } from './lost-runs.js';
import { Report, type ReportEvents } from './report.js';
import type { ResultKeeper } from './results/result-keeper.js';
import type { Side } from './side.js';
import { Slots } from './slots.js';
import type { Suspects } from './suspects.js';
import type { Prepare } from './work.js';
import type { WorkInHand } from './work-in-hand.js';

/** As it shows in results and dead letters. */
export function workerName(): string {
  return `${process.pid}@${hostname()}`;
}

export interface CapsulePlan {
  readonly queues: readonly QueuePlan[];
  readonly prepare: Prepare;
  readonly trusts?: DispatchParts['trusts'];
  readonly copyForRetry: CopyInQueue;
  readonly copyAtCheckpoint?: CopyAtCheckpointInQueue;
  readonly concurrency: number;
  readonly pool: Pool;
  readonly gates: readonly Gate[];
  /** Where results are kept. */
  readonly results?: ResultKeeper | undefined;
  /** Sends what follows a task. */
  readonly followUps?: FollowUps | undefined;
  readonly deliveryLimit: number;
  /** True: what delays need is declared before the first one. */
  readonly delaysAhead: boolean;
}

/** What the capsules of a worker share. */
export interface CapsuleSharedParts {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly tell: Tell<ReportEvents>;
  readonly suspects: Suspects;
  readonly lostRuns: LostRuns;
  readonly inHand: WorkInHand;
  /** Tells monitors. */
  readonly monitors?: TaskEvents;
  readonly stopping: AbortSignal;
  readonly halted: AbortSignal;
}

export interface OpenedCapsule {
  readonly capsule: Capsule;
  readonly delayPaths: DelayPaths;
}

export function openCapsule(side: Side, plan: CapsulePlan, parts: CapsuleSharedParts): OpenedCapsule {
  const { config, logger, clock, tell, suspects, lostRuns, inHand, monitors, stopping, halted } = parts;
  const { sink, declarer } = side.publishing;
  const {
    prepare,
    trusts,
    pool,
    gates,
    results,
    followUps,
    deliveryLimit,
    copyForRetry,
    copyAtCheckpoint,
    queues,
    concurrency,
    delaysAhead: ahead,
  } = plan;
  const topologies = new Map(queues.map(({ queue, topology }) => [queue, topology]));
  const topologyOf = (queue: string): Topology => topologies.get(queue) ?? taskTopology(config, queue);
  const { delayed_delivery_queue_type: queueType } = config.tasks;
  const delays = new Delays({ declarer, queueType, topologyOf });
  const dispatchParts: DispatchParts = {
    prepare,
    trusts,
    pool,
    gates,
    results,
    followUps,
    slots: new Slots(concurrency),
    deliveryLimit,
    suspects,
    report: new Report(logger, tell, monitors),
    lostRuns,
    inHand,
    stopping,
    halted,
    sink,
    declarer,
    deadLetterTopology: topologyOf,
    delays,
    copyForRetry,
    copyAtCheckpoint,
    worker: workerName(),
    clock,
    logger,
  };
  const capsule = new Capsule({ side, queues, dispatchParts, logger, clock });
  return { capsule, delayPaths: { consumers: capsule.consumers, delays, ahead, logger, stopping } };
}
