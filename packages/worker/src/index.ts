/** The public surface of `@celeriac/worker`. Contracts and errors come with it, so that one import is enough. */
export { createWorker } from './worker.js';
export type { StopOptions, Worker, WorkerOptions } from './worker.js';
export type { StopReport, WorkerDescription, WorkerEvents } from './worker-events.js';
export type { Settled, Started } from './report.js';
export { currentTask } from './context.js';
export type { EventContext, HandlerContext, TaskContext } from './context.js';
export type { BareTaskHandler, TaskHandler, TaskOptions } from './handlers.js';
export type { Application, EventHandler } from './event-handler/application.js';
export { exitCodes } from './shutdown.js';
export { CeleriacError, createLogger, defineEvent, defineTask, isCeleriacError } from '@celeriac/core';
export type {
  ErrorCode,
  EventContract,
  EventMessage,
  Logger,
  SentMessage,
  TaskContract,
  TaskMessage,
} from '@celeriac/core';
