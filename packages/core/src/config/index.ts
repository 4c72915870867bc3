/** What other packages use of the configuration: loading, printing, its types. */
export { loadConfig } from './load.js';
export { printableConfig } from './printable.js';
export { configSchema } from './schema.js';
export { parseDuration } from './duration.js';
export { formatConnectionString, parseConnectionString } from './connection-string.js';
export type { ByteSize, Duration } from './duration.js';
export type { ConfigSource } from './load.js';
export type { ConfigInput } from './input.js';
export type { Config, PoolConfig, PoolKind, RemoteControlLevel } from './types.js';
export { solarEvents } from './schema-beat.js';
export type { BeatConfig, CatchUp, Overlap, ScheduleConfig, SolarConfig, SolarEvent } from './types-beat.js';
export { announceDevelopmentBroker, findDevelopmentBroker } from './development-broker.js';
export type { DevelopmentBroker } from './development-broker.js';
