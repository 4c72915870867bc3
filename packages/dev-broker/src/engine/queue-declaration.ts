/** What a client declares a queue as, whether it may, and whether that is what is there. Pure. */
import { AmqpError, locked } from './amqp-error.js';
import { assertSame, assertSameArguments } from './equivalence.js';
import type { Profile } from './profile.js';
import type { Queue } from './queue.js';
import type { QueueSettings } from './queue-arguments.js';

export interface QueueDeclaration {
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The connection that asks. */
  readonly connection: object;
  /** True for a name the server made: only those may begin with `amq.`. */
  readonly isServerNamed: boolean;
}

/** Throws 405 for another's exclusive queue, and 406 for what differs. */
export function assertSameQueue(present: Queue, declaration: QueueDeclaration): void {
  const { name, durable, exclusive, autoDelete, arguments: args, connection } = declaration;
  const { owner, vhost, settings, ...is } = present.options;
  if (owner !== (exclusive ? connection : undefined)) throw locked(name, vhost);
  const subject = `queue '${name}' in vhost '${vhost}'`;
  // An exclusive queue ends with its connection: RabbitMQ does not take its durability seriously.
  assertSame('durable', { wanted: durable && !exclusive, present: is.durable, subject });
  assertSame('auto_delete', { wanted: autoDelete, present: is.autoDelete, subject });
  assertSameArguments(args, { arguments: is.arguments, type: settings.type }, subject);
}

/** Before its arguments are read: throws 403 for a reserved name, 406 for a quorum queue without one. */
export function assertNameable({ name, isServerNamed, arguments: args }: QueueDeclaration): void {
  if (isServerNamed && args['x-queue-type'] === 'quorum') {
    throw new AmqpError(406, 'Cannot declare a server-named queue for type rabbit_quorum_queue');
  }
  if (name.startsWith('amq.') && !isServerNamed) {
    throw new AmqpError(403, `queue name '${name}' contains reserved prefix 'amq.*'`);
  }
}

export interface Declarable {
  readonly declaration: QueueDeclaration;
  readonly type: QueueSettings['type'];
  readonly subject: string;
  readonly profile: Profile;
}

/** Throws 541 for a queue the version has no more, and 406 for what a quorum queue cannot be. */
export function assertDeclarable({ declaration, type, subject, profile }: Declarable): void {
  const { durable, exclusive, autoDelete } = declaration;
  if (!durable && !exclusive && !profile.transientQueues) throw transientQueue();
  if (type === 'classic') return;
  const wrong = autoDelete
    ? 'auto-delete'
    : exclusive
      ? 'exclusive-owner'
      : durable
        ? undefined
        : 'non-durable';
  if (wrong !== undefined) throw new AmqpError(406, `invalid property '${wrong}' for ${subject}`);
}

/** rabbit_deprecated_features.erl of 4.3, `when_denied`; a reply text takes 255 bytes of it. */
function transientQueue(): AmqpError {
  const feature = 'transient_nonexcl_queues';
  return new AmqpError(
    541,
    `Feature \`${feature}\` is deprecated.\nBy default, this feature is not permitted anymore.\nThe feature will be removed from a future major RabbitMQ version, regardless of the configuration; actual version to be determined.\nTo continue using this feature when it is not permitted by default, set the following parameter in your configuration:\n    "deprecated_features.permit.${feature} = true"`,
  );
}
