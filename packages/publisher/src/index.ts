/** The public surface of `@celeriac/publisher`. Contracts and errors come with it, so that one import is enough. */
export { createPublisher } from './publisher.js';
export type { CloseOptions, Publisher, PublisherEvents, PublisherOptions } from './publisher.js';
export { CeleriacError, createLogger, defineEvent, defineTask, isCeleriacError } from '@celeriac/core';
export type {
  CancelOptions,
  CancelReport,
  ErrorCode,
  EventContract,
  EventSender,
  Logger,
  ObjectChange,
  PublishEventOptions,
  SendManyOptions,
  SendOptions,
  SentMessage,
  TaskCanceller,
  TaskContract,
  TaskSender,
} from '@celeriac/core';
