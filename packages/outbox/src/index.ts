/** The public surface of `@celeriac/outbox`. */
export { createOutbox } from './outbox.js';
export type {
  Outbox,
  OutboxEventOptions,
  OutboxOptions,
  OutboxSendOptions,
  WrittenMessage,
} from './outbox.js';
export { OutboxRelay } from './relay.js';
export type {
  Relayed,
  RelayEvents,
  RelayFailure,
  RelayOptions,
  RelayRetryOptions,
  RelayStopOptions,
  RelayStopReport,
} from './relay-options.js';
export { Inbox } from './inbox.js';
export type {
  CleanUpOptions,
  HandlerOptions,
  InboxContext,
  InboxHandler,
  InboxOptions,
  Once,
  OnceOptions,
} from './inbox.js';
export { InboxCleaner } from './inbox-cleaner.js';
export type { InboxCleanerOptions } from './inbox-cleaner.js';

export type {
  Claim,
  ClaimedRecord,
  Ending,
  InboxKey,
  InboxStore,
  OutboxRecord,
  OutboxStats,
  OutboxStore,
  SetAsideRecord,
  StoredOnce,
  Waker,
  Worked,
} from './ports.js';

export { schemaSql } from './postgres/schema.js';
export type { SchemaOptions } from './postgres/schema.js';
export { PostgresOutboxStore } from './postgres/outbox-store.js';
export type { PostgresOutboxOptions } from './postgres/outbox-store.js';
export { PostgresInboxStore } from './postgres/inbox-store.js';
export type { PgDatabase, PgTransactions, PostgresInboxOptions } from './postgres/inbox-store.js';
export type { PgListener, PgPool, PgPoolClient, PgQueryable, PgResult } from './postgres/queryable.js';

export { MemoryDatabase } from './memory/database.js';
export type { MemoryEnding, MemoryTransaction } from './memory/database.js';
export { MemoryOutboxStore } from './memory/outbox-store.js';
export { MemoryInboxStore } from './memory/inbox-store.js';
