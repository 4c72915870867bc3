/**
 * The arguments of a queue: read, checked, and compared with those of a queue that exists, in RabbitMQ's words.
 * Pure. Source: rabbit_amqqueue.erl (check_arguments, assert_args_equivalence) of RabbitMQ 3.10.
 */
import { AmqpError } from './amqp-error.js';

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

interface Rule {
  /** As Erlang names what it expects. */
  readonly check: (value: unknown) => boolean;
  /** Whether a queue that exists must have the same value. */
  readonly compared: boolean;
}

const isWhole = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0;
const isPositive = (value: unknown): boolean => isWhole(value) && (value as number) > 0;
const isText = (value: unknown): boolean => typeof value === 'string';

const rules: Readonly<Record<string, Rule | undefined>> = {
  'x-message-ttl': { check: isWhole, compared: true },
  'x-expires': { check: isPositive, compared: true },
  'x-max-length': { check: isWhole, compared: true },
  'x-max-length-bytes': { check: isWhole, compared: true },
  'x-max-priority': { check: (value) => isWhole(value) && (value as number) <= 255, compared: true },
  'x-dead-letter-exchange': { check: isText, compared: true },
  'x-dead-letter-routing-key': { check: isText, compared: true },
  'x-dead-letter-strategy': { check: isText, compared: true },
  'x-overflow': {
    check: (value) => ['drop-head', 'reject-publish', 'reject-publish-dlx'].includes(value as string),
    compared: true,
  },
  'x-queue-type': { check: (value) => value === 'classic' || value === 'quorum', compared: true },
  'x-queue-mode': { check: isText, compared: true },
  'x-single-active-consumer': { check: (value) => typeof value === 'boolean', compared: true },
  'x-delivery-limit': { check: isWhole, compared: false },
};

/** Throws 406 for a value RabbitMQ would refuse. Unknown arguments are ignored, as there. */
export function readSettings(table: Table, queue: string, vhost: string): QueueSettings {
  for (const [name, value] of Object.entries(table)) {
    if (rules[name]?.check(value) !== false) continue;
    throw new AmqpError(
      406,
      `invalid arg '${name}' for queue '${queue}' in vhost '${vhost}': ${invalid(value)}`,
    );
  }
  const whole = (name: string): number | undefined => table[name] as number | undefined;
  const text = (name: string): string | undefined => table[name] as string | undefined;
  if (text('x-dead-letter-routing-key') !== undefined && text('x-dead-letter-exchange') === undefined) {
    throw new AmqpError(
      406,
      `invalid arg 'x-dead-letter-routing-key' for queue '${queue}' in vhost '${vhost}': routing_key_but_no_dlx_defined`,
    );
  }
  return {
    type: text('x-queue-type') === 'quorum' ? 'quorum' : 'classic',
    messageTtl: whole('x-message-ttl'),
    expires: whole('x-expires'),
    maxLength: whole('x-max-length'),
    maxLengthBytes: whole('x-max-length-bytes'),
    overflow: (text('x-overflow') as QueueSettings['overflow'] | undefined) ?? 'drop-head',
    deadLetterExchange: text('x-dead-letter-exchange'),
    deadLetterRoutingKey: text('x-dead-letter-routing-key'),
    maxPriority: whole('x-max-priority') ?? 0,
    deliveryLimit: whole('x-delivery-limit'),
    singleActiveConsumer: table['x-single-active-consumer'] === true,
  };
}

function invalid(value: unknown): string {
  if (typeof value === 'number' && value < 0) return `{value_negative,${value}}`;
  return `{unacceptable_type,${erlangType(value)}}`;
}

/** Throws 406 unless the arguments mean the same. */
export function assertSameArguments(wanted: Table, present: Table, subject: string): void {
  const names = new Set([...Object.keys(wanted), ...Object.keys(present)]);
  for (const name of [...names].sort()) {
    if (rules[name]?.compared === true)
      assertSame(name, { wanted: wanted[name], present: present[name], subject });
  }
}

export interface Comparison {
  readonly wanted: unknown;
  readonly present: unknown;
  /** `queue 'q' in vhost '/'`. */
  readonly subject: string;
}

/** Throws 406, in the words clients parse. */
export function assertSame(name: string, { wanted, present, subject }: Comparison): void {
  // Classic is what a queue is without the argument.
  if (name === 'x-queue-type' && (wanted ?? 'classic') === (present ?? 'classic')) return;
  if (wanted === present) return;
  // Two values are compared by themselves; a value and none with its type.
  const isTyped = name.startsWith('x-') && (wanted === undefined || present === undefined);
  const received = isTyped ? typedText(wanted) : `'${valueText(wanted)}'`;
  const current = isTyped ? typedText(present) : `'${valueText(present)}'`;
  throw new AmqpError(
    406,
    `inequivalent arg '${name}' for ${subject}: received ${received} but current is ${current}`,
  );
}

function typedText(value: unknown): string {
  return value === undefined ? 'none' : `the value '${valueText(value)}' of type '${erlangType(value)}'`;
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function erlangType(value: unknown): string {
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
