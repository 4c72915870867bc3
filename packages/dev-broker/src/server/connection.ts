/**
 * One connection: the handshake, frames in and out, heartbeats, and its channels. A client's mistake closes the
 * channel or the connection as the protocol says; nothing a client sends ends the process.
 */
import type { Socket } from 'node:net';

import { bodyFrames, type Frame, FrameError, FrameParser, frameText, frameType } from '../codec/frames.js';
import { decodeMethod, encodeMethod, idsOf, MethodError } from '../codec/method-codec.js';
import type { Method, MethodFields, MethodName } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Clock, Timer } from '../engine/clock.js';
import type { Message } from '../engine/message.js';
import type { Vhost } from '../engine/vhost.js';
import { Channel } from './channel.js';
import type { ChannelConnection, ContentMethod } from './channel-methods.js';
import { Handshake, type HandshakeOptions } from './handshake.js';
import { Outbox } from './outbox.js';

export interface ConnectionOptions extends HandshakeOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly vhosts: ReadonlyMap<string, Vhost>;
  /** Called before anything is answered. What it throws closes the connection, and nothing is answered. */
  readonly keep: () => void;
  /** After its end, once. */
  readonly closed: (connection: Connection) => void;
}

const largestFrame = 131_072;
const closingMs = 5_000;
const heartbeatFrame = frameText(frameType.heartbeat, 0, '');

export class Connection implements ChannelConnection {
  #options: ConnectionOptions;
  #parser = new FrameParser(largestFrame);
  #handshake: Handshake;
  #vhost: Vhost | undefined;
  #channels = new Map<number, Channel>();
  /** Channels we closed, until the client has said ok. */
  #closing = new Set<number>();
  #out: Outbox;
  #frameMax = largestFrame;
  #lastReceived = 0;
  #heartbeat: Timer | undefined;
  #isClosing = false;
  #hasEnded = false;
  #current: Method | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options, {
      send: (name, fields) => this.send(0, name, fields),
      tuned: ({ frameMax, heartbeat }) => this.#tuned(frameMax, heartbeat),
      opened: (vhost) => this.#opened(vhost),
    });
    const { socket } = options;
    this.#out = new Outbox({ ...options, notKept: (error) => this.#notKept(error) });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#wake());
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => this.#ended());
  }

  get vhost(): Vhost {
    if (this.#vhost === undefined) throw new AmqpError(503, 'connection not open', { hard: true });
    return this.#vhost;
  }

  get flowing(): boolean {
    return !this.#options.socket.writableNeedDrain && !this.#isClosing;
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  /** As the client calls itself. */
  get name(): string {
    return this.#handshake.connectionName;
  }

  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.#write(Buffer.from(frameText(frameType.method, channel, encodeMethod(name, fields)), 'latin1'));
  }

  sendContent(channel: number, { name, fields }: ContentMethod, { properties, body }: Message): void {
    const size = Buffer.alloc(12);
    size.writeUInt16BE(60, 0);
    size.writeBigUInt64BE(BigInt(body.length), 4);
    const header = size.toString('latin1') + properties.raw.toString('latin1');
    const head =
      frameText(frameType.method, channel, encodeMethod(name, fields as never)) +
      frameText(frameType.header, channel, header);
    this.#write(Buffer.from(head, 'latin1'), ...bodyFrames(channel, body, this.#frameMax));
  }

  /** Closes it from our side (CONNECTION_FORCED and others). */
  close(replyCode: number, replyText: string, method?: MethodName): void {
    if (this.#isClosing) return;
    this.#closeChannels();
    const ids = method === undefined ? { classId: 0, methodId: 0 } : idsOf(method);
    this.send(0, 'connection.close', { replyCode, replyText: replyText.slice(0, 255), ...ids });
    this.#isClosing = true;
    this.#options.clock.after(closingMs, () => this.#options.socket.destroy());
  }

  /** Ends it at once: when this returns, what it held is given back. */
  destroy(): void {
    this.#options.socket.destroy();
    this.#ended();
  }

  /** What was to be said is not said; only this is, past all promises. */
  #notKept(error: Error): void {
    this.#isClosing = true;
    this.#closeChannels();
    const replyText = `RESOURCE_ERROR - ${error.message}`.slice(0, 255);
    const fields = { replyCode: 506, replyText, classId: 0, methodId: 0 };
    const frame = frameText(frameType.method, 0, encodeMethod('connection.close', fields));
    this.#options.socket.end(Buffer.from(frame, 'latin1'));
    this.#options.clock.after(closingMs, () => this.#options.socket.destroy());
  }

  #receive(chunk: Buffer): void {
    this.#lastReceived = this.#options.clock.now();
    try {
      const rest = this.#handshake.takeProtocolHeader(chunk);
      if (rest === 'refused') {
        this.#options.socket.end(Buffer.from('AMQP\0\0\x09\x01', 'latin1'));
        return;
      }
      if (rest !== undefined) this.#parser.push(rest, (frame) => this.#frame(frame));
    } catch (error) {
      this.#brokenFrame(error);
    }
    for (const channel of this.#channels.values()) channel.flush();
    this.#out.flush();
  }

  #brokenFrame(error: unknown): void {
    if (error instanceof FrameError) this.close(501, `FRAME_ERROR - ${error.message}`);
    else this.close(541, `INTERNAL_ERROR - ${(error as Error).message}`);
  }

  #frame(frame: Frame): void {
    this.#current = undefined;
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#refuse(frame.channel, error);
    }
  }

  #dispatch({ type, channel: number, payload }: Frame): void {
    if (type === frameType.heartbeat) return;
    if (type !== frameType.method) {
      const channel = this.#channels.get(number);
      if (channel === undefined) {
        if (this.#closing.has(number) || this.#isClosing) return;
        throw new AmqpError(504, "expected 'channel.open'", { hard: true });
      }
      if (type === frameType.header) channel.header(payload);
      else if (type === frameType.body) channel.body(payload);
      else throw new AmqpError(501, `unknown frame type ${type}`, { hard: true });
      return;
    }
    const method = decodeMethod(payload);
    this.#current = method;
    if (number === 0) this.#connectionMethod(method);
    else this.#channelMethod(number, method);
  }

  #connectionMethod(method: Method): void {
    if (this.#isClosing) {
      if (method.name === 'connection.close-ok') this.#options.socket.end();
      return;
    }
    if (method.name === 'connection.close') {
      this.#closeChannels();
      this.send(0, 'connection.close-ok', {});
      this.#isClosing = true;
      this.#out.flush();
      this.#options.socket.end();
      return;
    }
    this.#handshake.method(method);
  }

  #channelMethod(number: number, method: Method): void {
    if (this.#isClosing) return;
    if (this.#closing.has(number)) {
      // Until the client has heard of it, what it sends there is void.
      if (method.name === 'channel.close-ok') this.#closing.delete(number);
      else if (method.name === 'channel.close') this.send(number, 'channel.close-ok', {});
      return;
    }
    const channel = this.#channels.get(number);
    if (method.name === 'channel.open') {
      if (channel !== undefined) throw new AmqpError(504, "second 'channel.open' seen", { hard: true });
      this.#channels.set(number, new Channel(number, this));
      this.send(number, 'channel.open-ok', { channelId: Buffer.alloc(0) });
      return;
    }
    if (channel === undefined) throw new AmqpError(504, "expected 'channel.open'", { hard: true });
    if (method.name !== 'channel.close') {
      channel.method(method);
      return;
    }
    this.#channels.delete(number);
    channel.flush();
    channel.close();
    this.send(number, 'channel.close-ok', {});
  }

  refuseChannel(channel: number, error: AmqpError): void {
    this.#current = undefined;
    this.#refuse(channel, error);
    this.#out.flush();
  }

  #refuse(number: number, error: unknown): void {
    const refusal = asAmqpError(error);
    const ids = this.#current === undefined ? { classId: 0, methodId: 0 } : idsOf(this.#current.name);
    const { replyCode, message } = refusal;
    const channel = this.#channels.get(number);
    if (refusal.hard || channel === undefined) {
      this.close(replyCode, message, this.#current?.name);
      return;
    }
    channel.flush(); // what was published before is confirmed
    this.#channels.delete(number);
    this.#closing.add(number);
    channel.close();
    this.send(number, 'channel.close', { replyCode, replyText: message.slice(0, 255), ...ids });
  }

  #tuned(frameMax: number, heartbeat: number): void {
    this.#frameMax = frameMax === 0 ? largestFrame : Math.min(frameMax, largestFrame);
    this.#parser.frameMax = this.#frameMax;
    if (heartbeat > 0) this.#beat(heartbeat * 1000);
  }

  /** Sends one when nothing else was sent for half the time; gives up on a peer that is silent for two. */
  #beat(ms: number): void {
    const { clock, socket } = this.#options;
    this.#heartbeat = clock.after(ms / 2, () => {
      const now = clock.now();
      if (now - this.#lastReceived > ms * 2) {
        socket.destroy();
        return;
      }
      if (now - this.#out.lastSent >= ms / 2) {
        this.#write(Buffer.from(heartbeatFrame, 'latin1'));
        this.#out.flush();
      }
      this.#beat(ms);
    });
  }

  #opened(vhost: Vhost): void {
    this.#vhost = vhost;
  }

  #write(...parts: Buffer[]): void {
    if (!this.#isClosing) this.#out.write(...parts);
  }

  #wake(): void {
    for (const channel of this.#channels.values()) channel.wake();
  }

  #closeChannels(): void {
    const channels = [...this.#channels.values()];
    this.#channels.clear();
    for (const channel of channels) {
      channel.flush();
      channel.close();
    }
  }

  #ended(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isClosing = true;
    this.#heartbeat?.cancel();
    this.#closeChannels();
    this.#vhost?.connectionClosed(this);
    this.#options.closed(this);
  }
}

function asAmqpError(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  if (error instanceof MethodError) return new AmqpError(502, error.message, { hard: true });
  return new AmqpError(541, (error as Error).message, { hard: true });
}
