/**
 * One connection: the handshake, frames in, heartbeats, and its end. A client's mistake closes the channel or the
 * connection as the protocol says; nothing a client sends ends the process. Injected faults strike after a frame has
 * taken effect.
 */
import type { Socket } from 'node:net';

import { type Frame, FrameError, FrameParser, frameType } from '../codec/frames.js';
import { decodeMethod, idsOf } from '../codec/method-codec.js';
import type { Method, MethodFields, MethodName } from '../codec/methods.js';
import { AmqpError } from '../engine/amqp-error.js';
import type { Clock } from '../engine/clock.js';
import type { Message } from '../engine/message.js';
import type { Vhost } from '../engine/vhost.js';
import { receivedStep } from '../faults/step.js';
import type { ConfirmFate, ConnectionFaults, FaultTarget } from '../faults/target.js';
import type { ChannelConnection, ContentMethod } from './channel-methods.js';
import { asAmqpError, Channels } from './channels.js';
import { FrameWriter } from './frame-writer.js';
import { Handshake, type HandshakeOptions } from './handshake.js';
import { Heartbeat } from './heartbeat.js';

export interface ConnectionOptions extends HandshakeOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  readonly vhosts: ReadonlyMap<string, Vhost>;
  readonly faults: ConnectionFaults;
  /** After its end, once. */
  readonly closed: (connection: Connection) => void;
}

const largestFrame = 131_072;
const closingMs = 5_000;
const emptyBuffer = Buffer.alloc(0);

export class Connection implements ChannelConnection, FaultTarget {
  #options: ConnectionOptions;
  #parser = new FrameParser(largestFrame);
  #writer: FrameWriter;
  #handshake: Handshake;
  #heartbeat: Heartbeat;
  #channels = new Channels(this);
  #vhost: Vhost | undefined;
  /** Closing: close was sent, or both have said it. Dropped: a fault ended it. Ended: the socket is gone. */
  #state: 'open' | 'closing' | 'dropped' | 'ended' = 'open';
  #isStalled = false;
  /** It publishes while publishers have to wait. */
  #isBlocked = false;
  #wasTold = false;
  #current: Method | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { socket, clock, faults } = options;
    this.#writer = new FrameWriter({
      socket,
      faults,
      leaving: () => this.#heartbeat.sent(),
      passes: (step) => faults.passes(step, this),
    });
    this.#heartbeat = new Heartbeat(clock, {
      beat: () => this.#writer.heartbeat(),
      silent: () => this.#gaveUp(),
    });
    this.#handshake = new Handshake(options, {
      send: (name, fields) => this.send(0, name, fields),
      tuned: ({ frameMax, heartbeat }) => this.#tuned(frameMax, heartbeat),
      opened: (vhost) => (this.#vhost = vhost),
    });
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#channels.wake());
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => this.#ended());
  }

  get vhost(): Vhost {
    if (this.#vhost === undefined) throw new AmqpError(503, 'connection not open', { hard: true });
    return this.#vhost;
  }

  get flowing(): boolean {
    return this.#state === 'open' && this.#writer.flowing;
  }

  get channelNumbers(): readonly number[] {
    return this.#channels.numbers;
  }

  /** As the client calls itself. */
  get name(): string {
    return this.#handshake.connectionName;
  }

  get clientCapabilities(): ReadonlySet<string> {
    return this.#handshake.clientCapabilities;
  }

  confirmFate(): ConfirmFate {
    return this.#options.faults.confirming(this.name);
  }

  send<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.#writer.method(channel, name, fields);
  }

  sendContent(channel: number, method: ContentMethod, message: Message): void {
    this.#writer.content(channel, method, message);
  }

  /** Closes it from our side (CONNECTION_FORCED and others). */
  close(replyCode: number, replyText: string, method?: MethodName): void {
    if (this.#state !== 'open') return;
    this.#channels.closeAll();
    const ids = method === undefined ? { classId: 0, methodId: 0 } : idsOf(method);
    this.send(0, 'connection.close', { replyCode, replyText: replyText.slice(0, 255), ...ids });
    this.#writer.close();
    this.#state = 'closing';
    this.#options.clock.after(closingMs, () => this.#options.socket.destroy());
  }

  closeChannel(channel: number, replyCode: number, replyText: string): void {
    if (this.#state === 'open') this.refuseChannel(channel, new AmqpError(replyCode, replyText, { hard: false }));
  }

  destroy(): void {
    this.#options.socket.destroy();
  }

  drop(): void {
    this.#state = 'dropped';
    this.#writer.drop();
  }

  stall(): void {
    this.#isStalled = true;
    this.#writer.stall();
    this.#options.socket.pause();
  }

  resume(): void {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    this.#heartbeat.received();
    this.#writer.resume();
    this.#channels.wake();
    this.#readOn();
  }

  /** Publishers wait from now on, or may go on. */
  throttle(): void {
    const { blocked } = this.#options.faults;
    if (blocked !== undefined || !this.#isBlocked) return;
    this.#isBlocked = false;
    this.#heartbeat.received();
    if (this.#wasTold) this.send(0, 'connection.unblocked', {});
    this.#readOn();
  }

  timeOutConsumers(): void {
    this.#channels.timeOutConsumers();
    this.#writer.flush();
  }

  refuseChannel(channel: number, error: AmqpError): void {
    this.#current = undefined;
    this.#refuse(channel, error);
    this.#writer.flush();
  }

  #isReading(): boolean {
    return !this.#isStalled && !this.#isBlocked && (this.#state === 'open' || this.#state === 'closing');
  }

  #readOn(): void {
    if (this.#isReading()) this.#receive(emptyBuffer);
    if (this.#isReading()) this.#options.socket.resume();
  }

  #receive(chunk: Buffer): void {
    this.#heartbeat.received();
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
    if (this.#state === 'dropped') return;
    this.#channels.flush();
    this.#writer.flush();
  }

  #brokenFrame(error: unknown): void {
    if (error instanceof FrameError) this.close(501, `FRAME_ERROR - ${error.message}`);
    else this.close(541, `INTERNAL_ERROR - ${(error as Error).message}`);
  }

  /** False: what follows has to wait, or is void. */
  #frame(frame: Frame): boolean {
    this.#current = undefined;
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#refuse(frame.channel, error);
    }
    if (this.#options.faults.watching) this.#strike(frame);
    this.#holdPublisher(frame);
    return this.#isReading();
  }

  #dispatch({ type, channel, payload }: Frame): void {
    if (type === frameType.heartbeat) return;
    if (type !== frameType.method) {
      if (this.#state === 'open') this.#channels.content(channel, type, payload);
      return;
    }
    const method = decodeMethod(payload);
    this.#current = method;
    if (channel === 0) this.#connectionMethod(method);
    else if (this.#state === 'open') this.#channels.method(channel, method);
  }

  /** What the frame brought about is written before the next is looked at: steps come in the same order every time. */
  #strike(frame: Frame): void {
    const step = receivedStep(frame, this.#current?.name);
    const strike = step === undefined ? undefined : this.#options.faults.passes(step, this);
    strike?.act?.();
    if (this.#state === 'dropped') return;
    this.#channels.flush();
    this.#writer.flush();
  }

  /** RabbitMQ reads no further than the first publish (rabbit_reader.erl: post_process_frame, maybe_block). */
  #holdPublisher({ type }: Frame): void {
    const { blocked } = this.#options.faults;
    if (blocked === undefined || this.#state !== 'open') return;
    if (this.#current?.name !== 'basic.publish' && type !== frameType.body) return;
    this.#isBlocked = true;
    this.#options.socket.pause();
    this.#wasTold = this.clientCapabilities.has('connection.blocked');
    if (this.#wasTold) this.send(0, 'connection.blocked', { reason: blocked });
  }

  #connectionMethod(method: Method): void {
    if (this.#state !== 'open') {
      if (method.name === 'connection.close-ok') this.#options.socket.end();
      return;
    }
    if (method.name === 'connection.close') {
      this.#channels.closeAll();
      this.send(0, 'connection.close-ok', {});
      this.#writer.close();
      this.#state = 'closing';
      this.#options.socket.end();
      return;
    }
    this.#handshake.method(method);
  }

  #refuse(channel: number, error: unknown): void {
    const refusal = asAmqpError(error);
    const method = this.#current?.name;
    if (!this.#channels.refuse(channel, refusal, method))
      this.close(refusal.replyCode, refusal.message, method);
  }

  #tuned(frameMax: number, heartbeat: number): void {
    const agreed = frameMax === 0 ? largestFrame : Math.min(frameMax, largestFrame);
    this.#writer.frameMax = agreed;
    this.#parser.frameMax = agreed;
    this.#heartbeat.start(heartbeat * 1000);
  }

  /** The client is silent. One that is blocked is not read, and one that is stalled must not hear of its end. */
  #gaveUp(): void {
    if (this.#isBlocked) return;
    if (this.#isStalled) this.#release();
    else this.#options.socket.destroy();
  }

  #ended(): void {
    this.#release();
    this.#options.closed(this);
  }

  /** What was its own is free again. */
  #release(): void {
    this.#state = 'ended';
    this.#heartbeat.stop();
    this.#channels.closeAll();
    this.#vhost?.connectionClosed(this);
  }
}
