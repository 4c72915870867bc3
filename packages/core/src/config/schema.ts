/**
 * The one JSON Schema (draft-07) of the configuration: every key with its default, unit and a sentence. The
 * loader, the error texts and the reference page read it; nothing about keys is written anywhere else. Data only.
 */
import { beat } from './schema-beat.js';
import { cancelling, remoteControl } from './schema-control.js';
import {
  choice,
  duration,
  type Extra,
  flag,
  type SchemaNode,
  section,
  size,
  text,
  whole,
} from './schema-node.js';
import { keyStore } from './schema-key-store.js';
import { sentEvents, workerEvents } from './schema-monitoring.js';
import { limitSettings } from './schema-limits.js';
import { resultSettings } from './schema-results.js';
import { http } from './schema-http.js';
import { payloadKeys } from './schema-payload.js';
import { brokerPatience, declaredPatience, onLost } from './schema-patience.js';
import { deliveryLimit, retry } from './schema-retry.js';
import { poolSettings, taskWorkers } from './schema-pool.js';
import { signing } from './schema-signing.js';

export type {
  Compatibility,
  Config,
  EventHandlerConfig,
  EventsConfig,
  EventWorkerConfig,
  KeyStoreConfig,
  HttpConfig,
  LoggingConfig,
  PoolConfig,
  PoolKind,
  SigningConfig,
  SigningKeyConfig,
  TaskHandlerConfig,
  TasksConfig,
  TaskWorkerConfig,
  TlsConfig,
} from './types.js';
export type { SchemaNode } from './schema-node.js';

// AMQP short strings hold 255 bytes; names under `amq.` belong to the broker.
const name: Extra = {
  maxLength: 255,
  'x-most-bytes': 255,
  pattern: '^(?!amq\\.)[^\\u0000-\\u001f]+$',
  'x-allowed': 'text of 1 to 255 bytes of UTF-8 that does not start with "amq."',
};

/** RabbitMQ refuses a longer TTL or expiry: 2^32-1 milliseconds. */
const longestExpiry = 4_294_967;
const day = 86_400;
const timer: readonly [number, number] = [0.001, day];

const queueType = (extra: Extra): SchemaNode =>
  choice('Queue type of the queues that are declared.', ['quorum', 'classic'], {
    default: 'quorum',
    ...extra,
  });

const deadLetterExpiry: SchemaNode = duration(
  'How long a dead-lettered message is kept before the broker drops it.',
  [1, longestExpiry],
  { default: '30d' },
);

const prefetch = (description: string, extra: Extra): SchemaNode => whole(description, 1, extra);

const events: SchemaNode = section('The event bus, and the connection that tasks share by default.', {
  connection_string: text(
    'Address of the broker, read as Kombu reads it; several, separated by `;`, for failover; `memory://` is the embedded broker. Must be set where NODE_ENV is production.',
    {
      default: 'amqp://guest@localhost//',
      'x-kind': 'connection_string',
    },
  ),
  consumer_heartbeat: whole('AMQP heartbeat of consumer connections; 0 turns it off.', 0, {
    default: 15,
    'x-unit': 'seconds',
  }),
  publisher_heartbeat: whole('AMQP heartbeat of publisher connections; 0 turns it off.', 0, {
    default: 15,
    'x-unit': 'seconds',
  }),
  tcp_keepalive_timeout: whole('Idle time before TCP keepalive probes, publishers and consumers alike.', 1, {
    default: 60,
    maximum: 32_767, // TCP_KEEPIDLE of Linux
    'x-unit': 'seconds',
  }),
  connect_timeout: duration('How long one attempt to connect may take, handshake included.', timer, {
    default: '5s',
  }),
  reconnect_max_delay: duration('Longest wait between two attempts to connect.', timer, { default: '10s' }),
  exchange: text('Durable topic exchange that events are published to.', {
    default: 'celeriac.events',
    ...name,
  }),
  routing_key: text('Routing key and type of an event; `{object}` and `{action}` are filled in.', {
    default: 'core.limeobject.{object}.{action}.v1',
    maxLength: 255,
    pattern: '^([^{}]|\\{object\\}|\\{action\\})+$',
    'x-allowed': 'text with no other placeholders than {object} and {action}',
  }),
  accepted_routing_keys: {
    type: 'array',
    description:
      'Other spellings of `routing_key` that applications receive as well: their queues are bound by each.',
    // Without both it would be the key of events that have nothing to do with one another.
    items: text('Routing key of an event; `{object}` and `{action}` are filled in.', {
      maxLength: 255,
      pattern: '^(?=.*\\{object\\})(?=.*\\{action\\})([^{}]|\\{object\\}|\\{action\\})+$',
      'x-allowed': 'text with {object} and {action}, and no other placeholders',
    }),
    default: [],
  },
  queue_prefix: text("What the queues of registered applications' names start with.", {
    default: 'events.',
    ...name,
  }),
  queue_type: queueType({}),
  signing: signing('events'),
});

const tasks: SchemaNode = section('Sending tasks, and the queues they go to.', {
  connection_string: text('Address of the broker of tasks, when it is another one.', {
    'x-kind': 'connection_string',
    'x-default': 'that of `events`',
  }),
  compatibility: choice("Whose defaults apply to queues: Celeriac's or Celery's.", ['celeriac', 'celery'], {
    default: 'celeriac',
  }),
  default_queue: text('Queue of tasks that no route names.', {
    default: 'celeriac',
    ...name,
    'x-default': '`celeriac`; `celery` with `compatibility: celery`',
  }),
  queue_type: queueType({ 'x-default': '`quorum`; `classic` with `compatibility: celery`' }),
  declare_queues: flag('Declare queues and exchanges before use; false when the operator owns them.', true),
  routes: {
    type: 'object',
    description: 'Task name, or glob with `*`, to queue.',
    default: {},
    additionalProperties: text('Queue of the tasks whose name matches.', name),
  },
  publish_timeout: duration('Deadline of one publish, confirm included.', timer, { default: '30s' }),
  max_unsettled_messages: whole('Messages that may wait in memory for their confirm.', 1, {
    default: 10_000,
    maximum: 1_000_000,
    'x-unit': 'messages',
  }),
  max_unsettled_bytes: size('Bytes that may wait in memory for their confirm.', [1024, 2 ** 40], {
    default: '32MiB',
  }),
  // 512 MiB is the most that RabbitMQ can be set to take (max_message_size).
  max_message_size: size('Largest message body that is sent.', [1, 2 ** 29], { default: '16MiB' }),
  ...payloadKeys,
  dead_letter_expiry: deadLetterExpiry,
  time_zone: text('Time zone of `eta` and `expires` that carry none.', {
    default: 'UTC',
    'x-kind': 'time_zone',
  }),
  delayed_delivery_queue_type: queueType({
    description: "Queue type of the delay queues (Celery's `broker_native_delayed_delivery_queue_type`).",
  }),
  delayed_delivery_ahead: flag(
    'Workers declare the delay queues when they start, for Python senders, which rely on them; otherwise the first delay or retry does.',
    true,
  ),
  ...cancelling(name),
  ...sentEvents(name),
  ...resultSettings,
  signing: signing('tasks'),
  consumer_timeout: declaredPatience,
});

const taskHandler: SchemaNode = section('Running tasks.', {
  queues: {
    type: 'array',
    description: 'Queues to consume.',
    minItems: 1,
    items: text('Name of a queue.', name),
    'x-default': 'the default queue, unless a group of `workers` has it',
  },
  prefetch_count: prefetch('Unacknowledged messages the broker may hand out.', {
    'x-unit': 'messages',
    'x-default': 'the same as `concurrency`',
  }),
  ...poolSettings,
  workers: taskWorkers(name),
  shutdown_grace: duration('How long running tasks and events may go on after a stop signal.', [0, day], {
    default: '25s',
  }),
  on_lost: onLost('a running task'),
  consumer_timeout: brokerPatience,
  io: choice(
    'Where connections live: on a thread of their own, so that a handler that blocks the event loop costs none, or on the thread of the handlers.',
    ['thread', 'inline'],
    { default: 'thread' },
  ),
  block_warning: duration(
    'How long a handler may block the event loop before the log names it; 0 turns that off.',
    [0, day],
    { default: '1s' },
  ),
  ...limitSettings,
  delivery_limit: deliveryLimit,
  ...remoteControl(name),
  ...workerEvents,
  retry: retry('tasks'),
});

const eventHandler: SchemaNode = section('Handling events of registered applications.', {
  prefetch_count: prefetch('Unacknowledged messages per group of queues.', {
    default: 10,
    'x-unit': 'messages',
  }),
  workers: {
    type: 'object',
    description: 'Groups of queues consumed apart, so that slow applications never delay fast ones.',
    default: {},
    additionalProperties: section(
      'One group.',
      {
        queue_prefix: text('The group takes the queues whose names start with this.', name),
        prefetch_count: prefetch('Unacknowledged messages of this group.', {
          'x-unit': 'messages',
          'x-default': 'that of `event_handler`',
        }),
      },
      { required: ['queue_prefix'] },
    ),
  },
  soft_time_limit: duration("Time after which a handler's signal is aborted.", [0.001, longestExpiry], {
    'x-default': 'no limit',
  }),
  on_lost: onLost('a running event handler'),
  dead_letter_expiry: deadLetterExpiry,
  delivery_limit: deliveryLimit,
  retry: retry('events'),
});

const none: Extra = { 'x-default': 'none' };
const tls: SchemaNode = section(
  'TLS of `amqps` addresses.',
  {
    ca: text('Path of the certificate authorities to trust (PEM).', { 'x-default': "Node's own" }),
    cert: text('Path of the client certificate (PEM).', none),
    key: text("Path of the client certificate's private key (PEM).", none),
    server_name: text('Name the certificate must be issued for, also sent as SNI.', {
      'x-default': "each address's host",
    }),
    verify: flag('Check the certificate; false trusts anyone.', true),
  },
  { dependencies: { cert: ['key'], key: ['cert'] } },
);

const logging: SchemaNode = section('What is logged.', {
  level: choice('Least important line to write.', ['debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
  }),
  format: choice('`auto` is text on a terminal and JSON elsewhere.', ['auto', 'text', 'json'], {
    default: 'auto',
  }),
});

/** The published JSON Schema of the configuration file. */
export const configSchema: SchemaNode = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Celeriac configuration',
  ...section('Everything has a default: an empty file is a valid configuration.', {
    service: {
      type: ['string', 'null'],
      description: 'Name of this service in connection names, logs and message origins.',
      minLength: 1,
      maxLength: 100,
      default: null,
      'x-default': 'named at run time',
    },
    events,
    tasks,
    task_handler: taskHandler,
    event_handler: eventHandler,
    beat,
    key_store: keyStore,
    http,
    tls,
    logging,
  }),
};
