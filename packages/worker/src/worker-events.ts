/** What a worker tells about itself: events, its description, the report of its end. Types only. */
import type { CeleriacError, PoolKind } from '@celeriac/core';

import type { KillSwitchEvents } from './gates/kill-switch.js';
import type { ReportEvents } from './report.js';
import type { LoopBlocked } from './watchdog.js';

export interface WorkerEvents extends ReportEvents, KillSwitchEvents {
  /** Consuming every queue. */
  ready: [WorkerDescription];
  lost: [error: CeleriacError];
  /** Connected: the first time, or again. */
  restored: [generation: number];
  /** The broker takes no messages from this worker for now; it goes on consuming. */
  blocked: [reason: string];
  unblocked: [];
  /** It takes no further deliveries, until it resumes. */
  quiet: [];
  /** It takes deliveries again. */
  resumed: [];
  /** A task says how far it is. */
  progress: [Progress];
  /** The event loop stood still longer than `task_handler.block_warning`; told when it moves again. */
  'loop-blocked': [LoopBlocked];
}

export interface Progress {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly value: unknown;
}

/** What a worker does, for a banner or a log line. */
export interface WorkerDescription {
  readonly service: string;
  /** Brokers, without passwords. */
  readonly brokers: readonly string[];
  readonly queues: readonly string[];
  readonly concurrency: number;
  /** Where health is told, `http://127.0.0.1:8080`; absent where it is not. */
  readonly http?: string;
  /** Groups of queues, each with its own pool; `task_handler` is the group of those that no other has. */
  readonly pools: readonly {
    readonly name: string;
    readonly kind: PoolKind;
    readonly queues: readonly string[];
    readonly concurrency: number;
  }[];
  readonly tasks: readonly string[];
  readonly applications: readonly {
    readonly name: string;
    readonly queue: string;
    readonly patterns: readonly string[];
    readonly prefetch: number;
  }[];
}

export interface StopReport {
  /** True when every handler had ended. What had not is delivered again by the broker. */
  readonly drained: boolean;
  readonly unfinished: number;
}
