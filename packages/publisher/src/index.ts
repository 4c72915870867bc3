/** The public surface of `@celeriac/publisher`. Contracts and errors come with it, so that one import is enough. */
export { createPublisher } from './publisher.js';
export type { CloseOptions, Publisher, PublisherEvents, PublisherOptions } from './publisher.js';
export {
  CeleriacError,
  createLogger,
  defineEvent,
  defineTask,
  filePayloadStore,
  isCeleriacError,
} from '@celeriac/core';
export type {
  ErrorCode,
  EventContract,
  EventSender,
  FilePayloadStore,
  Logger,
  ObjectChange,
  PayloadAbout,
  PayloadFetch,
  PayloadStore,
  PublishEventOptions,
  SendManyOptions,
  SendOptions,
  SentMessage,
  TaskContract,
  TaskSender,
} from '@celeriac/core';
