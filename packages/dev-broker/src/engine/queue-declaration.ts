/** What a client declares a queue as, and whether that is what is there. Pure. */
import { locked } from './amqp-error.js';
import type { Queue } from './queue.js';
import { assertSame, assertSameArguments } from './queue-arguments.js';

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
  const { owner, vhost, ...is } = present.options;
  if (owner !== undefined && owner !== connection) throw locked(name, vhost);
  const subject = `queue '${name}' in vhost '${vhost}'`;
  assertSame('durable', { wanted: durable, present: is.durable, subject });
  assertSame('auto_delete', { wanted: autoDelete, present: is.autoDelete, subject });
  if (exclusive !== (owner !== undefined)) throw locked(name, vhost);
  assertSameArguments(args, is.arguments, subject);
}
