/**
 * The arguments of a queue: read and checked, in RabbitMQ's words. Pure. Source: rabbit_amqqueue.erl
 * (check_declare_arguments), rabbit_classic_queue.erl and rabbit_quorum_queue.erl (capabilities) of RabbitMQ 3.10.
 */
import { AmqpError } from './amqp-error.js';
import type { Profile } from './profile.js';

type Table = Readonly<Record<string, unknown>>;

export interface QueueSettings {
  readonly type: 'classic' | 'quorum';
  readonly messageTtl: number | undefined;
  readonly expires: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxLengthBytes: number | undefined;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterRoutingKey: string | undefined;
  readonly maxPriority: number;
  readonly deliveryLimit: number | undefined;
  readonly singleActiveConsumer: boolean;
}

/** What is wrong with a value, as Erlang prints it; undefined: nothing. */
type Check = (value: unknown, table: Table) => string | undefined;

const longestMs = 315_360_000_000; // ten years

const whole: Check = (value) =>
  Number.isInteger(value) || typeof value === 'bigint'
    ? undefined
    : `"expected integer, got ${erlangType(value)}"`;
const notNegative: Check = (value, table) =>
  whole(value, table) ?? ((value as number) < 0 ? `{value_negative,${String(value)}}` : undefined);
const duration: Check = (value, table) =>
  notNegative(value, table) ??
  ((value as number) > longestMs ? `{value_too_large,${String(value)}}` : undefined);
const flag: Check = (value) => (typeof value === 'boolean' ? undefined : unacceptable(value));
const text: Check = (value) => (typeof value === 'string' ? undefined : unacceptable(value));

function oneOf(values: readonly string[], otherwise: (value: string) => string): Check {
  return (value, table) =>
    text(value, table) ?? (values.includes(value as string) ? undefined : otherwise(value as string));
}

/** In the order in which RabbitMQ looks at them. */
const checks: readonly (readonly [name: string, check: Check])[] = [
  ['x-expires', (value, table) => (value === 0 ? '{value_zero,0}' : duration(value, table))],
  ['x-message-ttl', duration],
  ['x-dead-letter-exchange', text],
  [
    'x-dead-letter-routing-key',
    (value, table) =>
      text(value, table) ??
      (table['x-dead-letter-exchange'] === undefined ? 'routing_key_but_no_dlx_defined' : undefined),
  ],
  ['x-dead-letter-strategy', oneOf(['at-most-once', 'at-least-once'], () => 'invalid_dlx_strategy')],
  ['x-max-length', notNegative],
  ['x-max-length-bytes', notNegative],
  [
    'x-max-priority',
    (value, table) =>
      notNegative(value, table) ??
      ((value as number) > 255 ? `{max_value_exceeded,${String(value)}}` : undefined),
  ],
  ['x-overflow', oneOf(['drop-head', 'reject-publish', 'reject-publish-dlx'], () => 'invalid_overflow')],
  ['x-queue-mode', oneOf(['default', 'lazy'], (mode) => `"unsupported queue mode '${mode}'"`)],
  [
    'x-queue-version',
    (value, table) =>
      notNegative(value, table) ??
      (value === 1 || value === 2 ? undefined : `"unsupported queue version '${String(value)}'"`),
  ],
  ['x-single-active-consumer', flag],
];

const checkType = oneOf(['classic', 'quorum'], (type) => `"unsupported queue type '${type}'"`);

/** In the order in which RabbitMQ compares them and names the first that differs (rabbit_amqqueue, `declare_args`). */
const inOrder: readonly string[] = [
  'x-expires',
  'x-message-ttl',
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-dead-letter-strategy',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-in-memory-length',
  'x-max-in-memory-bytes',
  'x-max-priority',
  'x-overflow',
  'x-queue-mode',
  'x-queue-version',
  'x-single-active-consumer',
  'x-queue-type',
  'x-quorum-initial-group-size',
  'x-delivery-limit',
  'x-queue-master-locator',
  'x-queue-leader-locator',
];
const ofClassicOnly: ReadonlySet<string> = new Set([
  'x-max-priority',
  'x-queue-master-locator',
  'x-queue-mode',
  'x-queue-version',
]);
const ofQuorumOnly: ReadonlySet<string> = new Set([
  'x-dead-letter-strategy',
  'x-delivery-limit',
  'x-max-in-memory-bytes',
  'x-max-in-memory-length',
  'x-queue-leader-locator',
  'x-quorum-initial-group-size',
]);
/** What each type takes; what only another takes is refused, what none knows is ignored. */
export const argumentsOf: Readonly<Record<QueueSettings['type'], readonly string[]>> = {
  classic: inOrder.filter((name) => !ofQuorumOnly.has(name)),
  quorum: inOrder.filter((name) => !ofClassicOnly.has(name)),
};
const known: readonly string[] = [
  ...argumentsOf.classic,
  ...argumentsOf.quorum,
  'x-max-age',
  'x-stream-max-segment-size-bytes',
  'x-initial-cluster-size',
];

export interface Subject {
  /** `queue 'q' in vhost '/'`. */
  readonly subject: string;
  readonly profile: Profile;
}

/** Throws 406 for what RabbitMQ would refuse. Unknown arguments are ignored, as there. */
export function readSettings(table: Table, { subject, profile }: Subject): QueueSettings {
  const type = typeOf(table);
  const exchange = table['x-dead-letter-exchange'];
  if (exchange !== undefined && typeof exchange !== 'string') {
    const wrong = erlangType(exchange);
    throw new AmqpError(406, `invalid type '${wrong}' for arg 'x-dead-letter-exchange' in ${subject}`);
  }
  checkArguments(table, subject);
  const number = (name: string): number | undefined =>
    table[name] === undefined ? undefined : Number(table[name]);
  const string = (name: string): string | undefined => table[name] as string | undefined;
  return {
    type,
    messageTtl: number('x-message-ttl'),
    expires: number('x-expires'),
    maxLength: number('x-max-length'),
    maxLengthBytes: number('x-max-length-bytes'),
    overflow: overflowOf(type, string('x-overflow')),
    deadLetterExchange: string('x-dead-letter-exchange'),
    deadLetterRoutingKey: string('x-dead-letter-routing-key'),
    maxPriority: number('x-max-priority') ?? 0,
    deliveryLimit: deliveryLimitOf(table['x-delivery-limit'], profile),
    singleActiveConsumer: table['x-single-active-consumer'] === true,
  };
}

function typeOf(table: Table): QueueSettings['type'] {
  return table['x-queue-type'] === 'quorum' ? 'quorum' : 'classic';
}

function checkArguments(table: Table, subject: string): void {
  const refuse = (name: string, wrong: string): never => {
    throw new AmqpError(406, `invalid arg '${name}' for ${subject}${wrong}`);
  };
  const type = table['x-queue-type'];
  const wrongType = type === undefined ? undefined : checkType(type, table);
  if (wrongType !== undefined) refuse('x-queue-type', `: ${wrongType}`);
  const own = argumentsOf[typeOf(table)];
  for (const [name, check] of checks) {
    if (table[name] === undefined || !own.includes(name)) continue;
    const wrong = check(table[name], table);
    if (wrong !== undefined) refuse(name, `: ${wrong}`);
  }
  const foreign = Object.keys(table).find((name) => known.includes(name) && !own.includes(name));
  if (foreign !== undefined) refuse(foreign, ` of queue type rabbit_${typeOf(table)}_queue`);
}

/** Quorum queues have no `reject-publish-dlx`: RabbitMQ logs that, and drops the head. */
function overflowOf(type: QueueSettings['type'], value: string | undefined): QueueSettings['overflow'] {
  if (value === undefined || (type === 'quorum' && value === 'reject-publish-dlx')) return 'drop-head';
  return value as QueueSettings['overflow'];
}

function deliveryLimitOf(value: unknown, profile: Profile): number | undefined {
  if (typeof value !== 'number') return profile.deliveryLimit;
  return value < 0 ? undefined : value;
}

function unacceptable(value: unknown): string {
  return `{unacceptable_type,${erlangType(value)}}`;
}

/** The name of a value's AMQP type. Which integer it is depends on how the client wrote it, and is lost. */
export function erlangType(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Number.isInteger(value) ? 'signedint' : 'double';
    case 'bigint':
      return 'long';
    case 'boolean':
      return 'bool';
    case 'string':
      return 'longstr';
    default:
      return Array.isArray(value) ? 'array' : value === null ? 'void' : 'table';
  }
}
