/**
 * How full queues are, by passive declarations (AMQP 0-9-1, `queue.declare`): declares nothing, takes nothing. A queue
 * that is not there is an answer like any other; it closes the channel, so the next one is asked on another.
 */
import type { Channel } from 'amqplib';

import type { Clock } from '../clock.js';
import { withDeadline } from '../deadline.js';
import { replyCode } from './channel-error.js';
import { endOf } from './channel-supervisor.js';
import { cannotOpen, silent } from './queue-visit-error.js';
import type { Session } from './session.js';

/** What the broker says of a queue. Messages are those that wait; those in the hands of consumers are not told. */
export type QueueCount =
  | { readonly state: 'exists'; readonly messages: number; readonly consumers: number }
  | { readonly state: 'missing' }
  /** The user has no permission for it, or it belongs to another connection. */
  | { readonly state: 'refused' };

export interface QueueCountOptions {
  readonly session: Session;
  readonly clock: Clock;
  /** How long the broker may take for one answer. */
  readonly timeoutMs: number;
}

/** One after the other, on one channel as long as it lives. Rejects with ERR_BROKER_… or ERR_CHANNEL_CLOSED. */
export class QueueCounter {
  #options: QueueCountOptions;
  #channel: Channel | undefined;

  constructor(options: QueueCountOptions) {
    this.#options = options;
  }

  async count(queue: string): Promise<QueueCount> {
    const { session, clock, timeoutMs: ms } = this.#options;
    const connection = await session.ready({ timeoutMs: ms });
    const late = () => silent(queue, ms);
    try {
      if (this.#channel === undefined) {
        const channel = await withDeadline(connection.createChannel(), { clock, ms, late });
        this.#channel = channel;
        void endOf(channel).then(() => this.#forget(channel));
      }
      const answer = this.#channel.checkQueue(queue);
      const { messageCount: messages, consumerCount: consumers } = await withDeadline(answer, {
        clock,
        ms,
        late,
      });
      return { state: 'exists', messages, consumers };
    } catch (error) {
      this.#channel = undefined;
      const { code } = error as { code?: unknown };
      if (code === replyCode.notFound) return { state: 'missing' };
      if (code === replyCode.accessRefused || code === replyCode.resourceLocked) return { state: 'refused' };
      throw cannotOpen(queue, error);
    }
  }

  #forget(channel: Channel): void {
    if (this.#channel === channel) this.#channel = undefined;
  }
}
