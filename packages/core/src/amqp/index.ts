/** What other packages use of AMQP: sessions, consumers, declarations, and the codec, for those that speak it themselves. */
export { Session } from './session.js';
export type { SessionEvents } from './session.js';
export { isOutOfPatience } from './channel-error.js';
export { Consumer } from './consumer.js';
export type { ConsumerEvents, ConsumerOptions } from './consumer.js';
export { Declarer } from './declare.js';
export { QueueVisit } from './queue-visit.js';
export type { Ensures } from './declare.js';
export { beatTopology, deadLetterQueueName } from './topology.js';
export type { Topology } from './topology.js';
export { delayedSeconds, delayedTarget, isDelayedTo } from './delayed-delivery.js';
export { readTable, shortString as readShortString, TableReader } from './table-reader.js';
export { long, longlong, octet, short, shortString, writeTable } from './table-writer.js';
export { readProperties, ReceivedProperties } from './frame-reader.js';
export { writeProperties } from './message-frames.js';
export { backpressure, publisherClosed, tooLarge as messageTooLarge } from './publish-error.js';
