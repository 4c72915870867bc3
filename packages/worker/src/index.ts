/** The public surface of `@celeriac/worker`. Contracts and errors come with it, so that one import is enough. */
export { createWorker, createWorkerOver } from './create-worker.js';
export type { Worker } from './worker.js';
export type { StopOptions, WorkerOptions } from './worker-options.js';
export type { Progress, StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
export type { Retried, Revoked, Settled, Started } from './report.js';
export type { WorkerHealth, WorkerPhase } from './condition.js';
export type { ChildStats, PoolStats } from './pool/pool.js';
export type { Recovered, Tripped } from './gates/kill-switch.js';
export type { DeliveryCounts } from './delivery-counts.js';
export type { GroupSize, ResizeOptions } from './group-sizes.js';
export type { LoopBlocked } from './watchdog.js';
export type { OnLost, RetryIf } from './work.js';
export type { OpenSide, Side, SideConsumer, SideSession } from './side.js';
export { ThreadSide } from './io-thread/thread-side.js';
export type { BatchContext, BatchHandler, BatchOptions } from './batch.js';
export { currentTask } from './context.js';
export type { EventContext, HandlerContext, TaskContext } from './context.js';
export type { Acknowledging } from './event-handler/acknowledgement.js';
export type { BareTaskHandler, TaskHandler, TaskOptions } from './handlers.js';
export type {
  Application,
  ApplicationOptions,
  EventHandler,
  ManualEventHandler,
  ManualOptions,
  EventHandlerOptions,
} from './event-handler/application.js';
export { createBeat } from './beat/beat.js';
export type { Beat, BeatOptions } from './beat/beat.js';
export type { BeatDescription, BeatEvents, Failed, Missed, Overlapped, Sent } from './beat/beat-events.js';
export { openBeatControl } from './beat/beat-control.js';
export type { BeatControl, BeatControlOptions, CommandReport, SchedulesReport } from './beat/beat-control.js';
export type { ScheduleReport } from './beat/commands.js';
export { checkSchedules } from './beat/schedule.js';
export type { ScheduleOptions } from './beat/schedule.js';
export { exitCodes } from './shutdown.js';
export {
  bindTask,
  BoundTask,
  NamedTask,
  chain,
  chord,
  chunks,
  group,
  map,
  Signature,
  signature,
  signatureFrom,
  starmap,
  CeleriacError,
  createLogger,
  defineEvent,
  defineEvents,
  eventsMatching,
  defineTask,
  filePayloadStore,
  isCeleriacError,
  openApplications,
  openDeadLetters,
  Reject,
  Retry,
} from '@celeriac/core';
export type {
  AnySignature,
  ApplicationReport,
  ApplicationTold,
  SignatureOptions,
  SentWorkflow,
  WorkflowOptions,
  WorkflowSender,
  ConcurrencyOptions,
  DeadLetter,
  DeadLetterCount,
  DeadLetterFilter,
  DeadLetters,
  DeadLettersOptions,
  DeadLetterSummary,
  ErrorCode,
  OpenApplicationsOptions,
  OpenedApplications,
  EventContract,
  EventFamily,
  EventPattern,
  EventMessage,
  EventSender,
  KillSwitchOptions,
  LimitKey,
  LimitOptions,
  LimitScope,
  FilePayloadStore,
  Logger,
  PayloadAbout,
  PayloadFetch,
  PayloadStore,
  PurgeReport,
  RateLimitOptions,
  RejectOptions,
  RequeueReport,
  RetryOptions,
  CheckpointOptions,
  RetryRequest,
  TaskCheckpoint,
  SentMessage,
  TaskContract,
  TaskMessage,
  TaskSender,
} from '@celeriac/core';
export { builtInNames } from './built-in-tasks.js';
