/**
 * One connection: the handshake, frames in, heartbeats, and its end. A client's mistake closes the channel or the
 * connection as the protocol says; nothing a client sends ends the process. Injected faults strike after a frame has
 * taken effect.
 */
import { type Frame, FrameError, frameType } from '../codec/frames.js';
import { decodeMethod, idsOf } from '../codec/method-codec.js';
import type { Method, MethodFields, MethodName } from '../codec/methods.js';
import { AmqpError, replyTextOf } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';
import type { Vhost } from '../engine/vhost.js';
import { receivedStep } from '../faults/step.js';
import type { ConfirmFate, FaultTarget } from '../faults/target.js';
import type { ChannelConnection, ContentMethod } from './channel-methods.js';
import { asAmqpError, Channels } from './channels.js';
import type { ConnectionOptions } from './connection-options.js';
import { Deadline } from './deadline.js';
import { assertFrame } from './frame-rules.js';
import { FrameReader } from './frame-reader.js';
import { FrameWriter } from './frame-writer.js';
import { type Agreed, Handshake } from './handshake.js';
import { Heartbeat } from './heartbeat.js';
import { PublisherHold } from './publisher-hold.js';

export class Connection implements ChannelConnection, FaultTarget {
  #options: ConnectionOptions<Connection>;
  #reader: FrameReader;
  #writer: FrameWriter;
  #handshake: Handshake;
  #heartbeat: Heartbeat;
  #channels = new Channels(this);
  #vhost: Vhost | undefined;
  /** Closing: close was sent, or both have said it. Dropped: a fault ended it. Ended: the socket is gone. */
  #state: 'open' | 'closing' | 'dropped' | 'ended' = 'open';
  /** Ends a connection that does not get open, or does not get closed. */
  #deadline: Deadline;
  #isStalled = false;
  #isGone = false;
  #hold = new PublisherHold(this, () => this.#options.faults.blocked);
  #current: Method | undefined;

  constructor(options: ConnectionOptions<Connection>) {
    this.#options = options;
    const { socket, clock, faults, handshakeTimeout } = options;
    this.#writer = new FrameWriter({
      socket,
      faults,
      keep: options.keep,
      notKept: () => this.#closing(),
      leaving: () => this.#heartbeat.sent(),
      drained: () => this.#drained(),
      passes: (step) => faults.passes(step, this),
    });
    this.#heartbeat = new Heartbeat(clock, {
      beat: () => this.#writer.heartbeat(),
      silent: () => this.#gaveUp(),
    });
    this.#handshake = new Handshake(options, {
      send: (name, fields) => this.send(0, name, fields),
      tuned: (agreed) => this.#tuned(agreed),
      opened: (vhost) => this.#opened(vhost),
    });
    this.#deadline = new Deadline(clock, { handshakeMs: handshakeTimeout, passed: () => this.#late() });
    this.#reader = new FrameReader({
      socket,
      frameMax: options.smallestFrame,
      opening: (chunk) => this.#handshake.takeProtocolHeader(chunk),
      heard: () => this.#heartbeat.received(),
      mayRead: () => this.#mayRead(),
      frame: (frame) => this.#frame(frame),
      done: () => this.#answered(),
      refused: () => this.#deadline.closing(),
      broken: (error) => this.#brokenFrame(error),
    });
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
    this.send(0, 'connection.close', { replyCode, replyText: replyTextOf(replyText), ...ids });
    this.#closing();
  }

  closeChannel(channel: number, replyCode: number, replyText: string): void {
    if (this.#state === 'open')
      this.refuseChannel(channel, new AmqpError(replyCode, replyText, { hard: false }));
  }

  /** Ends it at once: when this returns, what it held is given back. */
  destroy(): void {
    this.#options.socket.destroy();
    this.#ended();
  }

  drop(): void {
    this.#state = 'dropped';
    this.#deadline.closing(); // a client that reads nothing may hold up its end
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
    if (this.#state === 'ended') this.#writer.drop(); // given up meanwhile: it may hear of it now
    this.#channels.wake();
    this.#reader.readOn();
  }

  /** Publishers wait from now on, or may go on. */
  throttle(): void {
    if (!this.#hold.release()) return;
    this.#heartbeat.received();
    this.#reader.readOn();
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

  /** A client that does not read its answers is not read either. */
  #mayRead(): boolean {
    if (this.#isStalled || this.#hold.isHolding || !this.#writer.mayAnswer) return false;
    return this.#state === 'open' || this.#state === 'closing';
  }

  /** The client has read what waited for it: what it asked meanwhile is answered, and deliveries go on. */
  #drained(): void {
    this.#reader.readOn();
    this.#channels.wake();
  }

  #answered(): void {
    if (this.#state === 'dropped') return;
    this.#channels.flush();
    this.#writer.flush();
  }

  #brokenFrame(error: unknown): void {
    if (error instanceof FrameError) this.close(501, `FRAME_ERROR - ${error.message}`);
    else this.close(541, `INTERNAL_ERROR - ${(error as Error).message}`);
    this.#writer.end();
  }

  #frame(frame: Frame): void {
    try {
      this.#dispatch(frame);
    } catch (error) {
      this.#refuse(frame.channel, error);
    }
    if (this.#options.faults.watching) this.#strike(frame);
    if (this.#state === 'open') this.#hold.read(frame.type, this.#current?.name);
  }

  #dispatch(frame: Frame): void {
    this.#current = undefined;
    assertFrame(frame);
    const { type, channel, payload } = frame;
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
    this.#answered();
  }

  #connectionMethod(method: Method): void {
    if (this.#state !== 'open') {
      if (method.name === 'connection.close-ok') this.#writer.end();
      return;
    }
    if (method.name === 'connection.close') {
      this.#channels.closeAll(); // confirms go first
      this.send(0, 'connection.close-ok', {});
      this.#closing();
      this.#writer.end();
      return;
    }
    this.#handshake.method(method);
  }

  #refuse(channel: number, error: unknown): void {
    const refusal = asAmqpError(error);
    if (this.#channels.refuse(channel, refusal, this.#current?.name)) return;
    this.close(refusal.replyCode, refusal.message, this.#current?.name);
  }

  #tuned({ frameMax, channelMax, heartbeat }: Agreed): void {
    this.#writer.frameMax = frameMax;
    this.#reader.frameMax = frameMax;
    this.#channels.most = channelMax;
    this.#heartbeat.start(heartbeat * 1000);
  }

  #opened(vhost: Vhost): void {
    this.#vhost = vhost;
    this.#deadline.met();
  }

  /** Nothing more is sent, and a client that does not hang up is hung up on. */
  #closing(): void {
    this.#channels.closeAll();
    this.#writer.close();
    this.#state = 'closing';
    this.#deadline.closing();
  }

  #late(): void {
    if (this.#isStalled && this.#state !== 'dropped')
      this.#deadline.closing(); // it must not hear of it yet
    else this.#options.socket.destroy();
  }

  /** The client is silent. One that is blocked is not read, and one that is stalled must not hear of its end. */
  #gaveUp(): void {
    if (this.#hold.isHolding) return;
    if (this.#isStalled) this.#release();
    else this.#options.socket.destroy();
  }

  #ended(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#release();
    this.#options.closed(this);
  }

  /** What was its own is free again. */
  #release(): void {
    this.#state = 'ended';
    this.#heartbeat.stop();
    this.#deadline.met();
    this.#channels.closeAll();
    this.#vhost?.connectionClosed(this);
  }
}
