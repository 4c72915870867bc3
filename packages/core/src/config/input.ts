/** The configuration as people write it: every key may be left out, durations and sizes may be text. Types only. */
import type { WrittenBeat } from './types-beat.js';
import type { ByteSize, Duration } from './duration.js';
import type {
  EventHandlerConfig,
  EventsConfig,
  HttpConfig,
  KeyStoreConfig,
  KillSwitchConfig,
  LoggingConfig,
  RetryConfig,
  SigningConfig,
  SigningKeyConfig,
  TaskHandlerConfig,
  TaskWorkerConfig,
  TasksConfig,
  TlsConfig,
} from './types.js';

/** A section as people write it: every key may be left out, durations and sizes may be text. */
type Written<Section, Durations extends keyof Section, Sizes extends keyof Section = never> = {
  readonly [Key in keyof Section]?:
    | (Key extends 'connection_string' | 'result_backend'
        ? string
        : Key extends Durations
          ? Duration
          : Key extends Sizes
            ? ByteSize
            : Section[Key])
    | undefined;
};

type WithRetry<Section> = Omit<Section, 'retry'> & {
  readonly retry?:
    | (Omit<Written<RetryConfig, 'delay' | 'max_delay'>, 'max'> & {
        /** `unlimited`: without end. Not null: a key with nothing behind it would mean that, too. */
        readonly max?: number | 'unlimited' | undefined;
      })
    | undefined;
};

type WithSigning<Section> = Omit<Section, 'signing'> & {
  readonly signing?: Omit<Written<SigningConfig, 'window'>, 'keys'> & {
    readonly keys?: Readonly<Record<string, WrittenKey>> | undefined;
  };
};
type WrittenKey = Partial<Omit<SigningKeyConfig, 'secret'>> & { readonly secret?: string | undefined };

type PoolDurations = 'idle_timeout' | 'soft_time_limit' | 'hard_time_limit';
type HandlerDurations =
  | 'consumer_timeout'
  | 'heartbeat_interval'
  | 'shutdown_grace'
  | 'block_warning'
  | 'lag_warning'
  | 'lag_limit';
type PoolSizes = 'max_memory' | 'max_memory_per_child';
type WrittenTaskHandler = Omit<
  Written<TaskHandlerConfig, PoolDurations | HandlerDurations, PoolSizes>,
  'workers' | 'kill_switch'
> & {
  readonly kill_switch?: Written<KillSwitchConfig, 'within' | 'pause'> | undefined;
  readonly workers?:
    | Readonly<
        Record<
          string,
          Written<Omit<TaskWorkerConfig, 'queues'>, PoolDurations, PoolSizes> &
            Pick<TaskWorkerConfig, 'queues'>
        >
      >
    | undefined;
};

/** The configuration as people write it. Everything has a default. */
export interface ConfigInput {
  readonly service?: string | null | undefined;
  readonly events?: WithSigning<Written<EventsConfig, 'connect_timeout' | 'reconnect_max_delay'>> | undefined;
  readonly tasks?:
    | WithSigning<
        Written<
          TasksConfig,
          | 'publish_timeout'
          | 'payload_timeout'
          | 'dead_letter_expiry'
          | 'cancel_expiry'
          | 'result_expires'
          | 'consumer_timeout',
          'max_unsettled_bytes' | 'max_message_size' | 'payload_threshold' | 'max_payload_size'
        >
      >
    | undefined;
  readonly task_handler?: WithRetry<WrittenTaskHandler> | undefined;
  readonly event_handler?:
    WithRetry<Written<EventHandlerConfig, 'soft_time_limit' | 'dead_letter_expiry'>> | undefined;
  readonly beat?: WrittenBeat | undefined;
  readonly key_store?: Written<KeyStoreConfig, 'lease' | 'command_timeout'> | undefined;
  readonly http?: Written<HttpConfig, 'max_block'> | undefined;
  readonly tls?: Written<TlsConfig, never> | undefined;
  readonly logging?: Written<LoggingConfig, never> | undefined;
}
