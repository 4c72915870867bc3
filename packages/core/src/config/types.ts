/**
 * The configuration as types, as the program reads it; what people may write is in `input`. The
 * names are the file's own, so that documents, errors and code say the same word. No code here.
 */
import type { RedisAddress } from '../redis/redis-address.js';
import type { ConnectionString } from './connection-string.js';
import type { ResultBackend } from './result-backend.js';
import type { SecretText } from './secret-text.js';
import type { BeatConfig } from './types-beat.js';

export type Compatibility = 'celeriac' | 'celery';
export type QueueKind = 'quorum' | 'classic';
export type LogLevelSetting = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type LogFormatSetting = 'auto' | 'text' | 'json';

/** One key. `secret` or `file`, never both. */
export interface SigningKeyConfig {
  readonly algorithm: 'hmac-sha256' | 'ed25519';
  readonly secret?: SecretText | undefined;
  /** A path, not the contents. */
  readonly file?: string | undefined;
}

/** How messages are signed, and what is asked of their signatures. */
export interface SigningConfig {
  /** Absent: nothing is signed. */
  readonly sign_with?: string | undefined;
  readonly require: boolean;
  /** Seconds. */
  readonly window: number;
  readonly replay_memory: number;
  /** By id. */
  readonly keys: Readonly<Record<string, SigningKeyConfig>>;
}

/** The event bus, and the connection everything uses unless `tasks` has its own. */
export interface EventsConfig {
  readonly connection_string: ConnectionString;
  /** Seconds; 0 turns heartbeats off. */
  readonly consumer_heartbeat: number;
  /** Seconds; 0 turns heartbeats off. */
  readonly publisher_heartbeat: number;
  /** Seconds. */
  readonly tcp_keepalive_timeout: number;
  /** Seconds. */
  readonly connect_timeout: number;
  /** Seconds. */
  readonly reconnect_max_delay: number;
  readonly exchange: string;
  readonly routing_key: string;
  /** Other spellings, received but never published. */
  readonly accepted_routing_keys: readonly string[];
  readonly queue_prefix: string;
  readonly queue_type: QueueKind;
  readonly signing: SigningConfig;
}

/** What becomes of the results of tasks. */
export interface ResultsConfig {
  /** Absent: results are not kept. */
  readonly result_backend?: ResultBackend | undefined;
  /** Seconds; 0 is for ever. */
  readonly result_expires: number;
  readonly ignore_result: boolean;
  readonly store_errors_even_if_ignored: boolean;
  readonly track_started: boolean;
  readonly result_extended: boolean;
  readonly result_required: boolean;
}

export interface TasksConfig extends ResultsConfig {
  /** Resolved: that of `events` when the section has none. */
  readonly connection_string: ConnectionString;
  readonly compatibility: Compatibility;
  readonly default_queue: string;
  readonly queue_type: QueueKind;
  readonly declare_queues: boolean;
  /** Task name or glob → queue. */
  readonly routes: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly publish_timeout: number;
  readonly max_unsettled_messages: number;
  /** Bytes. */
  readonly max_unsettled_bytes: number;
  /** Bytes. */
  readonly max_message_size: number;
  /** Bytes. */
  readonly payload_threshold: number;
  /** Bytes. */
  readonly max_payload_size: number;
  /** Seconds. */
  readonly payload_timeout: number;
  /** Seconds. */
  readonly dead_letter_expiry: number;
  /** IANA name. */
  readonly time_zone: string;
  readonly delayed_delivery_queue_type: QueueKind;
  readonly delayed_delivery_ahead: boolean;
  readonly control_exchange: string;
  /** Seconds. */
  readonly cancel_expiry: number;
  readonly max_cancelled: number;
  readonly event_exchange: string;
  readonly send_sent_event: boolean;
  readonly signing: SigningConfig;
  /** Seconds; absent: not declared, the broker's own holds. */
  readonly consumer_timeout?: number | undefined;
}

/** What a worker does when remote control asks for it. */
export type RemoteControlLevel = 'off' | 'read' | 'full';

/** How failed tasks and events are tried again, unless they say otherwise themselves. */
export interface RetryConfig {
  /** Infinity: without end. Absent: only what asks for retries itself is tried again. */
  readonly max?: number | undefined;
  readonly backoff: 'exponential' | 'fixed';
  /** Seconds. */
  readonly delay: number;
  /** Seconds. */
  readonly max_delay: number;
  /** Absent: true for exponential. */
  readonly jitter?: boolean | undefined;
  readonly never: readonly string[];
  readonly only?: readonly string[] | undefined;
}

/** When a failing task is paused, unless it says otherwise itself. */
export interface KillSwitchConfig {
  /** Absent: never. */
  readonly failures?: number | undefined;
  readonly minimum: number;
  /** Seconds. */
  readonly within: number;
  /** Seconds. */
  readonly pause: number;
}

export type PoolKind = 'inline' | 'threads' | 'processes';

/** Where tasks run, and what ends them. */
export interface PoolConfig {
  readonly pool: PoolKind;
  readonly concurrency: number;
  readonly min_concurrency: number;
  /** Seconds. */
  readonly idle_timeout: number;
  /** Absent: no limit. */
  readonly max_tasks_per_child?: number | undefined;
  /** Seconds; absent: no limit. */
  readonly soft_time_limit?: number | undefined;
  /** Seconds; absent: no limit. */
  readonly hard_time_limit?: number | undefined;
  /** Bytes; absent: no limit. */
  readonly max_memory?: number | undefined;
  /** Bytes; absent: no limit. */
  readonly max_memory_per_child?: number | undefined;
}

/** A group of task queues with a pool of its own. What is absent is as in `task_handler`. */
export interface TaskWorkerConfig extends Partial<PoolConfig> {
  readonly queues: readonly string[];
  /** Absent: the same as `concurrency`. */
  readonly prefetch_count?: number | undefined;
}

export interface TaskHandlerConfig extends PoolConfig {
  /** Resolved: the default queue when none is named and no group has it. */
  readonly queues: readonly string[];
  /** Absent: the same as `concurrency`. */
  readonly prefetch_count?: number | undefined;
  readonly max_crashes: number;
  readonly workers: Readonly<Record<string, TaskWorkerConfig>>;
  /** Seconds. */
  readonly shutdown_grace: number;
  readonly on_lost: 'cancel' | 'finish';
  /** Seconds; 0 warns of nothing. */
  readonly consumer_timeout: number;
  readonly io: 'thread' | 'inline';
  /** Seconds; 0 says nothing. */
  readonly block_warning: number;
  /** Seconds; 0 says nothing. */
  readonly lag_warning: number;
  /** Seconds; 0 is without limit. */
  readonly lag_limit: number;
  readonly kill_switch: KillSwitchConfig;
  readonly delivery_limit: number;
  readonly remote_control: RemoteControlLevel;
  readonly send_events: boolean;
  /** Seconds; 0 tells nothing of the worker itself. */
  readonly heartbeat_interval: number;
  /** Absent: `<service>-<pid>@<host>`. */
  readonly node_name?: string | undefined;
  readonly retry: RetryConfig;
}

/** A group of event queues that is consumed apart from the others. */
export interface EventWorkerConfig {
  readonly queue_prefix: string;
  /** Absent: that of `event_handler`. */
  readonly prefetch_count?: number | undefined;
}

export interface EventHandlerConfig {
  readonly prefetch_count: number;
  readonly workers: Readonly<Record<string, EventWorkerConfig>>;
  /** Seconds; absent: no limit. */
  readonly soft_time_limit?: number | undefined;
  readonly on_lost: 'cancel' | 'finish';
  /** Seconds. */
  readonly dead_letter_expiry: number;
  readonly delivery_limit: number;
  readonly retry: RetryConfig;
}

/** What is remembered of keys, and where. */
export interface KeyStoreConfig {
  readonly connection_string: 'memory://' | RedisAddress;
  readonly when_unavailable: 'run' | 'wait';
  /** Seconds. */
  readonly lease: number;
  /** Seconds. */
  readonly command_timeout: number;
}

/** TLS of `amqps` addresses. File paths, not contents. */
export interface TlsConfig {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly server_name?: string | undefined;
  readonly verify: boolean;
}

export interface LoggingConfig {
  readonly level: LogLevelSetting;
  readonly format: LogFormatSetting;
}

/** The HTTP endpoints of a worker. */
export interface HttpConfig {
  readonly host: string;
  /** Absent: off. 0: a free one. */
  readonly port?: number | undefined;
  readonly allow_remote: boolean;
  /** Seconds. */
  readonly max_block: number;
}

/** The whole configuration, complete and checked: durations in seconds, sizes in bytes. Frozen. */
export interface Config {
  /** Null: named at run time. */
  readonly service: string | null;
  readonly events: EventsConfig;
  readonly tasks: TasksConfig;
  readonly task_handler: TaskHandlerConfig;
  readonly event_handler: EventHandlerConfig;
  readonly beat: BeatConfig;
  readonly key_store: KeyStoreConfig;
  readonly http: HttpConfig;
  readonly tls: TlsConfig;
  readonly logging: LoggingConfig;
}
