/** The public surface of `@celeriac/testing`. */
export { virtualClock } from './virtual-clock.js';
export type { VirtualClock, VirtualClockOptions } from './virtual-clock.js';
export { testPublisher } from './test-publisher.js';
export type { TestPublisher, TestPublisherOptions } from './test-publisher.js';
export { testApp } from './test-app.js';
export type { RunOptions, TestApp, TestAppOptions } from './test-app.js';
export { startTestBroker } from './test-broker.js';
export type { QueueCounts, TestBroker, TestBrokerOptions, UntilEmptyOptions } from './test-broker.js';
export type { DrainOptions } from './drain.js';
export type { RawMessage } from './raw-message.js';
export type { DeadLetter, EventResult, RunResult, Settlement } from './run-result.js';
export type { TestConfigOptions } from './test-config.js';
export type { Expectations, ExpectOptions } from './expectations.js';
export type { Expected, Partially } from './matching.js';
export type { PublishedEvent, SentBy, SentTask } from './outbox.js';
export type { FailOptions } from './recording-sink.js';
