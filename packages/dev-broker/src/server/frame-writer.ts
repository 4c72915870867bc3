/**
 * The way out of a connection: frames are collected, and written together. Injected faults strike here: with any
 * waiting, frames go out one by one. Knows no channels, and decides nothing about what is sent.
 */
import type { Socket } from 'node:net';

import { longlong, short } from '@celeriac/core';

import { bodyFrames, frameText, frameType } from '../codec/frames.js';
import { encodeMethod } from '../codec/method-codec.js';
import type { MethodFields, MethodName } from '../codec/methods.js';
import { replyTextOf } from '../engine/amqp-error.js';
import type { Message } from '../engine/message.js';
import type { FrameName, FrameStep } from '../faults/step.js';
import type { ConnectionFaults, Strike } from '../faults/target.js';
import type { ContentMethod } from './channel-methods.js';
import { Outlet } from './outlet.js';

export interface FrameWriterOptions {
  readonly socket: Socket;
  readonly faults: ConnectionFaults;
  /** Called before frames leave, whose promises have to be kept. What it throws keeps them here. */
  readonly keep: () => void;
  /** What was to be sent is gone, and nothing more is taken: the client has been told that the connection is closed. */
  readonly notKept: () => void;
  /** Frames are about to leave. */
  readonly leaving: () => void;
  /** After it was full: there is room again. */
  readonly drained: () => void;
  /** A frame is about to leave, and is shown to the faults. */
  readonly passes: (step: FrameStep) => Strike | undefined;
}

/** Text of one character per byte, or bytes as they are. */
type Part = string | Buffer;

interface ShownFrame {
  readonly step: FrameStep;
  readonly bytes: Buffer;
}

/** Bytes that may wait for a client that does not read them: then nothing is delivered; of answers: then it is not read. */
const mostWaiting = 262_144;
const heartbeatFrame = frameText(frameType.heartbeat, 0, '');
/** Class `basic`, and a weight that nobody uses. */
const basicHead = short(60) + short(0);

export class FrameWriter {
  /** As agreed; 0 is no limit. */
  frameMax = 0;
  #options: FrameWriterOptions;
  #out: (Part | ShownFrame)[] = [];
  /** Bytes in `#out`. */
  #waiting = 0;
  /** Bytes of all but deliveries since the client had read everything: what it gets because it is read. */
  #answers = 0;
  #outlet: Outlet;
  #isFlushing = false;
  #state: 'open' | 'stalled' | 'closing' | 'dropped' = 'open';

  constructor(options: FrameWriterOptions) {
    this.#options = options;
    const drained = (): void => {
      if (!this.#outlet.hasRoom) return;
      this.#answers = 0;
      options.drained();
    };
    this.#outlet = new Outlet({ socket: options.socket, faults: options.faults, emptied: drained });
    options.socket.setNoDelay(true);
    options.socket.on('drain', drained);
  }

  /** True while the client reads more slowly than we write. */
  get isFull(): boolean {
    return this.#waiting + this.#outlet.waitingBytes >= mostWaiting;
  }

  /** False while it reads its answers more slowly than it asks. */
  get mayAnswer(): boolean {
    return this.#answers < mostWaiting;
  }

  get flowing(): boolean {
    return this.#state === 'open' && !this.isFull;
  }

  method<Name extends MethodName>(channel: number, name: Name, fields: MethodFields<Name>): void {
    this.#frame(name, channel, methodText(channel, name, fields));
  }

  content(channel: number, method: ContentMethod, message: Message): void {
    const before = this.#answers;
    this.#content(channel, method, message);
    if (method.name === 'basic.deliver') this.#answers = before; // those are held back by other means
  }

  #content(channel: number, { name, fields }: ContentMethod, { properties, body }: Message): void {
    const head = basicHead + longlong(body.length) + properties.raw.toString('latin1');
    const method = methodText(channel, name, fields as never);
    const header = frameText(frameType.header, channel, head);
    if (!this.#options.faults.watching) {
      this.#write(method + header);
      for (const part of bodyFrames(channel, body, this.frameMax)) this.#write(part);
      return;
    }
    this.#frame(name, channel, method);
    this.#frame('header', channel, header);
    const bodies = bodyFrames(channel, body, this.frameMax);
    for (let part = 0; part < bodies.length; part += 3) {
      const bytes = joined(bodies.slice(part, part + 3)); // head, payload and end
      this.#write({ step: { direction: 'sent', frame: 'body', channel }, bytes });
    }
  }

  heartbeat(): void {
    this.#write(heartbeatFrame);
    this.flush();
  }

  flush(): void {
    if (this.#out.length === 0 || this.#isFlushing || this.#isHeld()) return;
    const wasFull = this.isFull;
    this.#isFlushing = true; // a fault that strikes may write, too: after what is there
    while (this.#out.length > 0 && !this.#isHeld() && this.#isKept()) this.#emitAll(this.#take());
    this.#isFlushing = false;
    if (!this.#outlet.hasRoom) return; // it says so when it has
    this.#answers = 0;
    if (wasFull) setImmediate(this.#options.drained);
  }

  /** Sends what there is, and takes nothing more. */
  close(): void {
    this.flush();
    if (this.#state === 'open') this.#state = 'closing';
  }

  /** The client is told that nothing more comes, after all that was sent. */
  end(): void {
    this.#outlet.end();
  }

  /** Takes nothing more, forgets what is not written yet, and ends the connection after what is. */
  drop(): void {
    this.#take();
    this.#state = 'dropped';
    this.#outlet.drop();
  }

  /** Keeps what is to be sent. */
  stall(): void {
    if (this.#state === 'open') this.#state = 'stalled';
  }

  resume(): void {
    if (this.#state !== 'stalled') return;
    this.#state = 'open';
    this.flush();
  }

  /** Whether what is there may leave. */
  #isKept(): boolean {
    try {
      this.#options.keep();
    } catch (error) {
      this.#breakOff(error as Error); // there is no caller to tell: this may be a turn of its own
      return false;
    }
    this.#options.leaving();
    return true;
  }

  /** What was to be said is not said; only this is, past all promises. */
  #breakOff(error: Error): void {
    this.#take();
    this.#state = 'closing';
    const replyText = replyTextOf(`RESOURCE_ERROR - ${error.message}`);
    const fields = { replyCode: 506, replyText, classId: 0, methodId: 0 };
    this.#outlet.write(Buffer.from(methodText(0, 'connection.close', fields), 'latin1'));
    this.#outlet.end();
    this.#options.notKept();
  }

  #frame(frame: FrameName, channel: number, text: string): void {
    if (!this.#options.faults.watching) {
      this.#write(text);
      return;
    }
    this.#write({ step: { direction: 'sent', frame, channel }, bytes: Buffer.from(text, 'latin1') });
  }

  #write(part: Part | ShownFrame): void {
    if (this.#state === 'closing' || this.#state === 'dropped') return;
    if (this.#out.length === 0) setImmediate(() => this.flush());
    this.#add(part);
  }

  #add(part: Part | ShownFrame): void {
    const { length } = isShown(part) ? part.bytes : part;
    this.#out.push(part);
    this.#waiting += length;
    this.#answers += length;
  }

  #take(): (Part | ShownFrame)[] {
    const taken = this.#out;
    this.#out = [];
    this.#waiting = 0;
    return taken;
  }

  #isHeld(): boolean {
    return this.#state === 'stalled' || this.#state === 'dropped';
  }

  #emitAll(frames: readonly (Part | ShownFrame)[]): void {
    let plain: Part[] = [];
    for (const [index, frame] of frames.entries()) {
      if (!isShown(frame)) {
        plain.push(frame);
        continue;
      }
      this.#emit(plain);
      plain = [];
      this.#show(frame);
      if (this.#state === 'stalled')
        for (const later of [...frames.slice(index + 1), ...this.#take()]) this.#add(later);
      if (this.#isHeld()) return;
    }
    this.#emit(plain);
  }

  #show({ step, bytes }: ShownFrame): void {
    const strike = this.#options.passes(step);
    this.#emit([strike?.change?.(bytes) ?? bytes]);
    strike?.act?.();
  }

  #emit(parts: readonly Part[]): void {
    if (parts.length > 0 && this.#options.socket.writable) this.#outlet.write(joined(parts));
  }
}

function isShown(part: Part | ShownFrame): part is ShownFrame {
  return typeof part === 'object' && 'step' in part;
}

/** One allocation for all of them: writing piece by piece costs more than what is written. */
function joined(parts: readonly Part[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') all.write(part, at, 'latin1');
    else all.set(part, at);
    at += part.length;
  }
  return all;
}

function methodText<Name extends MethodName>(
  channel: number,
  name: Name,
  fields: MethodFields<Name>,
): string {
  return frameText(frameType.method, channel, encodeMethod(name, fields));
}
