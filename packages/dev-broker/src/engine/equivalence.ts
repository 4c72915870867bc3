/**
 * Whether a declaration means what is there already, in the words clients parse. Pure. Source: rabbit_misc.erl
 * (assert_args_equivalence), rabbit_amqqueue.erl and rabbit_exchange.erl (assert_equivalence) of RabbitMQ 3.10.
 */
import { AmqpError } from './amqp-error.js';
import { argumentsOf, erlangType } from './queue-arguments.js';

type Table = Readonly<Record<string, unknown>>;

/** Throws 406 unless the arguments that a queue of this type has are the same. */
export function assertSameArguments(
  wanted: Table,
  present: { readonly arguments: Table; readonly type: 'classic' | 'quorum' },
  subject: string,
): void {
  for (const name of argumentsOf[present.type]) {
    assertSame(name, { wanted: wanted[name], present: present.arguments[name], subject });
  }
}

export interface Comparison {
  readonly wanted: unknown;
  readonly present: unknown;
  /** `queue 'q' in vhost '/'`. */
  readonly subject: string;
}

/** Throws 406 where they differ. */
export function assertSame(name: string, { wanted, present, subject }: Comparison): void {
  // Classic is what a queue is without the argument.
  if (name === 'x-queue-type' && (wanted ?? 'classic') === (present ?? 'classic')) return;
  if (wanted === present) return;
  // Two values are compared by themselves; a value and none with its type.
  const isTyped = wanted === undefined || present === undefined;
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
