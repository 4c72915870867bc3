/**
 * The channels of a connection: opened, closed by either side, and what is sent on them handed on. A client's mistake
 * closes the channel, or asks for the end of the connection, as the protocol says.
 */
import { frameType } from '../codec/frames.js';
import { idsOf, MethodError, TextError } from '../codec/method-codec.js';
import type { Method, MethodName } from '../codec/methods.js';
import { AmqpError, replyTextOf } from '../engine/amqp-error.js';
import { Channel } from './channel.js';
import type { ChannelConnection } from './channel-methods.js';

export class Channels {
  /** As agreed with the client. */
  most = 0;
  #connection: ChannelConnection;
  #open = new Map<number, Channel>();
  /** Those we closed, until the client has said ok. */
  #closing = new Set<number>();

  constructor(connection: ChannelConnection) {
    this.#connection = connection;
  }

  get numbers(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** A method on a channel. Throws an AmqpError. */
  method(number: number, method: Method): void {
    if (this.#closing.has(number)) {
      // Until the client has heard of it, what it sends there is void.
      if (method.name === 'channel.close-ok') this.#closing.delete(number);
      else if (method.name === 'channel.close') this.#connection.send(number, 'channel.close-ok', {});
      return;
    }
    const channel = this.#open.get(number);
    if (method.name === 'channel.open') {
      if (channel !== undefined) throw new AmqpError(504, "second 'channel.open' seen", { hard: true });
      this.#assertRoom();
      this.#open.set(number, new Channel(number, this.#connection));
      this.#connection.send(number, 'channel.open-ok', { channelId: Buffer.alloc(0) });
      return;
    }
    if (channel === undefined) throw new AmqpError(504, "expected 'channel.open'", { hard: true });
    if (method.name !== 'channel.close') {
      channel.method(method);
      return;
    }
    this.#open.delete(number);
    channel.flush();
    channel.close();
    this.#connection.send(number, 'channel.close-ok', {});
  }

  /** How many are open decides, not their numbers (rabbit_reader.erl: create_channel). */
  #assertRoom(): void {
    const { size } = this.#open;
    if (size < this.most) return;
    const limit = `the negotiated channel_max (${this.most})`;
    throw new AmqpError(530, `number of channels opened (${size}) has reached ${limit}`, { hard: true });
  }

  /** A header or a body. Throws an AmqpError. */
  content(number: number, type: number, payload: Buffer): void {
    const channel = this.#open.get(number);
    if (channel === undefined) {
      if (this.#closing.has(number)) return;
      throw new AmqpError(504, "expected 'channel.open'", { hard: true });
    }
    if (type === frameType.header) channel.header(payload);
    else channel.body(payload);
  }

  /** Closes a channel for a mistake. False when that costs the connection. */
  refuse(number: number, refusal: AmqpError, method: MethodName | undefined): boolean {
    const channel = this.#open.get(number);
    if (refusal.hard || channel === undefined) return false;
    const { replyCode, message } = refusal;
    channel.flush(); // what was published before is confirmed
    this.#open.delete(number);
    this.#closing.add(number);
    channel.close();
    const ids = method === undefined ? { classId: 0, methodId: 0 } : idsOf(method);
    this.#connection.send(number, 'channel.close', { replyCode, replyText: replyTextOf(message), ...ids });
    return true;
  }

  /** The connection ends: everything in hand goes back. */
  closeAll(): void {
    const channels = [...this.#open.values()];
    this.#open.clear();
    // None of them is given what another one held: that would count as a delivery that came back.
    for (const channel of channels) channel.takeNoMore();
    for (const channel of channels) {
      channel.flush();
      channel.close();
    }
  }

  /** At the end of what was read: confirms go out. */
  flush(): void {
    for (const channel of this.#open.values()) channel.flush();
  }

  /** The client reads again. Who fills it up is the last in turn then. */
  wake(): void {
    for (const [number, channel] of [...this.#open]) {
      if (!this.#connection.flowing) return;
      channel.wake();
      if (!this.#open.delete(number)) continue; // it was closed meanwhile
      this.#open.set(number, channel);
    }
  }

  timeOutConsumers(): void {
    for (const channel of [...this.#open.values()]) channel.timeOutConsumers();
  }
}

export function asAmqpError(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  if (error instanceof TextError) return new AmqpError(501, error.message, { hard: true });
  if (error instanceof MethodError) return new AmqpError(502, error.message, { hard: true });
  return new AmqpError(541, (error as Error).message, { hard: true });
}
