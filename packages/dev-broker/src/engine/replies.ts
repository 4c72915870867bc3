/**
 * Direct reply-to: addresses under which a channel is sent answers past any queue. An answer to someone who has left
 * is dropped, as RabbitMQ does. Source: rabbit_direct_reply_to.erl, rabbit_channel.erl of RabbitMQ 3.10.
 */
import type { Message } from './message.js';

/** What a client consumes, and writes into `reply_to`. */
export const replyQueue = 'amq.rabbitmq.reply-to';

export class Replies {
  #receivers = new Map<string, (message: Message) => void>();

  /** From now on, messages to this address arrive here. Gives the full address. */
  open(suffix: string, receive: (message: Message) => void): string {
    const address = `${replyQueue}.${suffix}`;
    this.#receivers.set(address, receive);
    return address;
  }

  close(address: string): void {
    this.#receivers.delete(address);
  }

  /** Whether somebody waits there; the bare name always says yes. */
  has(address: string): boolean {
    return address === replyQueue || this.#receivers.has(address);
  }

  /** To those among its routing keys that are addresses. */
  deliver(message: Message): void {
    if (this.#receivers.size === 0) return;
    for (const key of [message.routingKey, ...(message.copies ?? [])]) this.#receivers.get(key)?.(message);
  }
}
