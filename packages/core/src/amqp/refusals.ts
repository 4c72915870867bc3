/**
 * Decides when a refusal (`basic.nack`) may be the channel's fault, and a new channel is due. Pure: time is given.
 *
 * RabbitMQ 3.10 keeps, for every channel and quorum queue, which node it first saw as the queue's leader. A channel that
 * first publishes between the death of a leader and the election of the next refuses everything to that queue from
 * then on, until that node is back (rabbit_fifo_client:enqueue, `{badrpc, nodedown}`). A full queue refuses as well,
 * by any channel: so a new one is tried, and then ever more rarely.
 */
import type { OutgoingMessage } from '../ports.js';

type Target = Pick<OutgoingMessage, 'exchange' | 'routingKey'>;

interface Doubt {
  readonly renewals: number;
  /** Monotonic milliseconds; until then a new channel is no remedy. */
  readonly until: number;
}

const firstPauseMs = 500;
const longestPauseMs = 60_000;
/** Targets that are remembered; of others any refusal is doubted. */
const most = 1_000;

export class Refusals {
  /** Targets that took something on this channel: what they refuse since, they refuse themselves. */
  #proven = new Set<string>();
  #doubts = new Map<string, Doubt>();
  #last: Target | undefined;

  /** A new channel knows nothing. */
  opened(): void {
    this.#proven.clear();
    this.#last = undefined;
  }

  confirmed({ exchange, routingKey }: Target): void {
    // Most go where the one before went.
    if (this.#last?.routingKey === routingKey && this.#last.exchange === exchange) return;
    this.#last = { exchange, routingKey };
    const key = keyOf(this.#last);
    this.#doubts.delete(key);
    if (this.#proven.size < most) this.#proven.add(key);
  }

  /** True when a new channel is due. */
  refused(target: Target, now: number): boolean {
    const key = keyOf(target);
    if (this.#proven.has(key)) return false;
    const { renewals, until } = this.#doubts.get(key) ?? { renewals: 0, until: 0 };
    if (now < until || (this.#doubts.size >= most && !this.#doubts.has(key))) return false;
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** renewals);
    this.#doubts.set(key, { renewals: renewals + 1, until: now + pauseMs });
    return true;
  }
}

function keyOf({ exchange, routingKey }: Target): string {
  return `${exchange}\n${routingKey}`;
}
