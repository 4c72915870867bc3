/**
 * Moves a queue to other arguments, which RabbitMQ cannot change: its messages go to a temporary queue, it is deleted
 * and declared anew, and they come back. At every step they are in one of the two queues, so what ends halfway is done
 * again from the start: the temporary queue says that there is something to finish.
 *
 * What comes by a binding is caught all the while. What is published to the queue by name while it does not exist is
 * returned to its sender, who is told; so a queue that cannot be deleted on a condition (a quorum queue) has to have been
 * quiet first.
 */
import { createHash } from 'node:crypto';

import { inequivalentArgument, replyCode } from '../amqp/channel-error.js';
import { DeclareChannel } from '../amqp/declare-channel.js';
import { type DrainParts, drainQueue } from '../amqp/queue-drain.js';
import { understoodArguments } from '../amqp/server-version.js';
import type { BindingSpec, QueueSpec } from '../amqp/topology.js';
import { errorText } from '../errors.js';
import { longestNameBytes } from '../policy/queue-name.js';
import { movedMessage } from './moved-message.js';
import { inUse, redeclared } from './topology-error.js';

const suffix = '.moving';

/** Where a queue's messages are while it is declared anew. */
export function temporaryName(queue: string): string {
  const name = `${queue}${suffix}`;
  if (Buffer.byteLength(name) <= longestNameBytes) return name;
  return `celeriac-${createHash('sha256').update(queue).digest('hex').slice(0, 40)}${suffix}`;
}

/** What would drop messages on their way, or let one consumer in of many, stays out. */
const notTemporary: ReadonlySet<string> = new Set([
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-single-active-consumer',
  'x-delivery-limit',
  'x-consumer-timeout',
]);

function temporaryQueue({ name, arguments: wanted }: QueueSpec): QueueSpec {
  const kept = Object.entries(wanted).filter(([argument]) => !notTemporary.has(argument));
  return { name: temporaryName(name), arguments: Object.fromEntries(kept) };
}

/** `away` and `back` come once per message, after it was confirmed in the other queue; the others once, when done. */
export type MoveStep =
  'temporary' | 'away' | 'switched' | 'deleted' | 'declared' | 'back' | 'bound' | 'finished';

export interface MoveProgress {
  readonly queue: string;
  readonly step: MoveStep;
}

export interface Move {
  /** As needed. */
  readonly queue: QueueSpec;
  /** What it is bound by. */
  readonly bindings: readonly BindingSpec[];
  /** `finish` only brings back what an earlier move left. */
  readonly action: 'move' | 'finish';
  /** As it is now: a queue of this type cannot be deleted on a condition. */
  readonly isQuorum: boolean;
  readonly isSingleActive: boolean;
  /** For so long nothing may have come before a queue is deleted. */
  readonly quietMs: number;
  readonly onStep?: ((progress: MoveProgress) => void) | undefined;
}

export interface Moved {
  readonly queue: string;
  /** Messages that came back into it. */
  readonly moved: number;
  /** Published to it by name in the moment in which it was deleted: gone. 0 unless it was a quorum queue. */
  readonly lost: number;
}

/** Enough for messages that trickle in; a stream of them never lets a queue be deleted. */
const mostRounds = 10;

export class QueueMove {
  #parts: DrainParts;
  #move: Move;
  #channels: DeclareChannel;
  #temporary: QueueSpec;

  private constructor(parts: DrainParts, move: Move, channels: DeclareChannel) {
    this.#parts = parts;
    this.#move = move;
    this.#channels = channels;
    this.#temporary = temporaryQueue(move.queue);
  }

  /** Rejects with ERR_TOPOLOGY_IN_USE, ERR_TOPOLOGY_MISMATCH, ERR_CHANNEL_CLOSED, ERR_PUBLISH_…; nothing is lost then. */
  static async run(parts: DrainParts, move: Move): Promise<Moved> {
    const connection = await parts.session.ready({ timeoutMs: parts.timeoutMs });
    const channels = new DeclareChannel(connection, parts.clock);
    try {
      return await new QueueMove(parts, move, channels).#run();
    } finally {
      channels.close();
    }
  }

  async #run(): Promise<Moved> {
    const { queue, action } = this.#move;
    const lost = action === 'move' ? await this.#away() : 0;
    const refusal = await this.#declareAnew();
    const moved = await this.#back();
    if (refusal !== undefined) throw refusal;
    return { queue: queue.name, moved, lost };
  }

  /** Another program may have declared it as it was: the messages go back all the same, and then that is told. */
  async #declareAnew(): Promise<Error | undefined> {
    const { queue } = this.#move;
    try {
      await this.#declare(queue);
    } catch (error) {
      if (inequivalentArgument(errorText(error)) === undefined) throw error;
      return redeclared(queue.name, error);
    }
    this.#did('declared');
    return undefined;
  }

  async #away(): Promise<number> {
    const { queue, bindings } = this.#move;
    await this.#declare(this.#temporary).catch((error: unknown) => {
      if (inequivalentArgument(errorText(error)) === undefined) throw error; // an earlier one serves as well
    });
    this.#did('temporary');
    await this.#drain(queue.name, this.#temporary.name, 0);
    await this.#bind(this.#temporary.name);
    for (const { exchange, routingKey } of bindings)
      await this.#ignoringMissing((channel) => channel.unbindQueue(queue.name, exchange, routingKey));
    this.#did('switched');
    const lost = await this.#delete();
    this.#did('deleted');
    return lost;
  }

  /** Its last messages first. */
  async #delete(): Promise<number> {
    const { queue, isQuorum, quietMs } = this.#move;
    const conditions = isQuorum ? {} : { ifEmpty: true, ifUnused: true };
    for (let round = 0; ; round++) {
      await this.#drain(queue.name, this.#temporary.name, quietMs);
      const { messageCount, consumerCount } = await this.#channels.run((channel) =>
        channel.checkQueue(queue.name),
      );
      if (consumerCount > 0) throw inUse([queue.name], 'a consumer has come');
      if (messageCount === 0) {
        try {
          return (await this.#channels.run((channel) => channel.deleteQueue(queue.name, conditions)))
            .messageCount;
        } catch (error) {
          const { code } = error as { code?: unknown };
          if (code !== replyCode.preconditionFailed) throw error;
        }
      }
      if (round >= mostRounds) throw inUse([queue.name], 'messages keep coming');
    }
  }

  async #back(): Promise<number> {
    const { queue, bindings, quietMs } = this.#move;
    const temporary = this.#temporary.name;
    let moved = await this.#drain(temporary, queue.name, 0);
    await this.#bind(queue.name);
    for (const { exchange, routingKey } of bindings)
      await this.#ignoringMissing((channel) => channel.unbindQueue(temporary, exchange, routingKey));
    this.#did('bound');
    for (let round = 0; ; round++) {
      moved += await this.#drain(temporary, queue.name, quietMs);
      const { messageCount } = await this.#channels.run((channel) => channel.checkQueue(temporary));
      if (messageCount === 0) break;
      if (round >= mostRounds) throw inUse([temporary], 'messages keep coming');
    }
    await this.#channels.run((channel) => channel.deleteQueue(temporary));
    this.#did('finished');
    return moved;
  }

  #drain(from: string, to: string, quietMs: number): Promise<number> {
    const { queue, isSingleActive } = this.#move;
    const isAway = from === queue.name;
    return drainQueue(this.#parts, {
      from,
      carry: (message) => movedMessage(message, to),
      quietMs: Math.max(quietMs, leastQuietMs),
      exclusive: !(isAway && isSingleActive),
      onMoved: () => this.#did(isAway ? 'away' : 'back'),
    }).catch((error: unknown) => {
      const { code } = error as { code?: unknown };
      throw code === replyCode.accessRefused ? inUse([from], errorText(error), error) : error;
    });
  }

  async #declare({ name, arguments: wanted }: QueueSpec): Promise<void> {
    const { understood } = understoodArguments(wanted, this.#channels.serverVersion);
    await this.#channels.run((channel) =>
      channel.assertQueue(name, { durable: true, arguments: understood }),
    );
  }

  async #bind(queue: string): Promise<void> {
    for (const { exchange, routingKey } of this.#move.bindings)
      await this.#ignoringMissing((channel) => channel.bindQueue(queue, exchange, routingKey));
  }

  /** Nothing comes by an exchange that is not there. */
  async #ignoringMissing(change: Parameters<DeclareChannel['run']>[0]): Promise<void> {
    await this.#channels.run(change).catch((error: unknown) => {
      if ((error as { code?: unknown }).code !== replyCode.notFound) throw error;
    });
  }

  #did(step: MoveStep): void {
    this.#move.onStep?.({ queue: this.#move.queue.name, step });
  }
}

/** A quorum queue takes a moment between what it counts and what it delivers. */
const leastQuietMs = 200;
