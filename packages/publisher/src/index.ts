/** The public surface of `@celeriac/publisher`. Contracts and errors come with it, so that one import is enough. */
export { createPublisher } from './publisher.js';
export type { CloseOptions, Publisher, PublisherEvents, PublisherOptions } from './publisher.js';
export { AsyncResult } from './async-result.js';
export type { ResultOptions, TaskStatus } from './async-result.js';
export { GroupResult, WorkflowResult } from './canvas/workflow-result.js';
export type { AnyWorkflowResult } from './canvas/workflow-result.js';
export type { ResultOfWorkflow, WorkflowResultSender } from './canvas/send-workflow.js';
export { Receipt, withResults } from './receipt.js';
export type { ResultSender } from './receipt.js';
export { resultsOf } from './results-of.js';
export type { SettledResult } from './results-of.js';
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
  defineTask,
  filePayloadStore,
  isCeleriacError,
  TaskError,
} from '@celeriac/core';
export type {
  AnySignature,
  SignatureOptions,
  WorkflowOptions,
  CancelOptions,
  CancelReport,
  ErrorCode,
  EventContract,
  EventFamily,
  EventSender,
  FilePayloadStore,
  Logger,
  ObjectChange,
  PayloadAbout,
  PayloadFetch,
  PayloadStore,
  PublishEventOptions,
  RemoteException,
  SendManyOptions,
  SendOptions,
  SentMessage,
  TaskCanceller,
  TaskContract,
  TaskSender,
} from '@celeriac/core';
