/** The public surface of `@celeriac/publisher`. Contracts and errors come with it, so that one import is enough. */
export { createPublisher } from './publisher.js';
export type { CloseOptions, Publisher, PublisherEvents, PublisherOptions } from './publisher.js';
export { CeleriacError, createLogger, defineEvent, defineTask, isCeleriacError } from '@celeriac/core';
export type {
  ErrorCode,
  EventContract,
  Logger,
  ObjectChange,
  PublishEventOptions,
  SendManyOptions,
  SendOptions,
  SentMessage,
  TaskContract,
} from '@celeriac/core';
