/**
 * Frames: cut out of a stream of bytes, and put together. Pure. Refuses a frame that is larger than was agreed before
 * it has arrived.
 *
 * Source: AMQP 0-9-1 §2.3.
 */
import { long, short } from '@celeriac/core';

/** What a client sends first: the protocol and its version. */
export const protocolHeader: Buffer = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
export const frameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const frameEnd = 0xce;
const headBytes = 7;
/** Head and end octet of a frame. */
export const frameOverhead: number = headBytes + 1;

const nothing = Buffer.alloc(0);

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** The stream is not AMQP, or breaks its rules: the connection cannot go on. In RabbitMQ's words. */
export class FrameError extends Error {
  constructor(type: number, payload: Buffer, problem: string) {
    super(`${frameSnippet(type, payload)}: ${problem}`);
  }
}

/** What of a frame goes into a refusal (rabbit_reader.erl: payload_snippet). */
export function frameSnippet(type: number, payload: Buffer): string {
  const shown = payload.subarray(0, 16);
  const isText = shown.every((byte) => byte >= 0x20 && byte < 0x7f);
  const text = isText ? JSON.stringify(shown.toString('latin1')) : shown.join(',');
  return `type ${type}, ${payload.length > 16 ? 'first 16' : 'all'} octets = <<${shown.length === 0 ? '' : text}>>`;
}

export class FrameParser {
  /** Largest frame, its overhead included; 0 is no limit. */
  frameMax: number;
  #bytes: Buffer = nothing;
  #at = 0;
  /** What came after `#bytes` and is not needed yet. */
  #later: Buffer[] = [];
  #laterBytes = 0;

  constructor(frameMax: number) {
    this.frameMax = frameMax;
  }

  /** Takes bytes as they come. */
  push(chunk: Buffer): void {
    if (this.#at === this.#bytes.length && this.#later.length === 0) {
      this.#bytes = chunk;
      this.#at = 0;
      return;
    }
    this.#later.push(chunk);
    this.#laterBytes += chunk.length;
  }

  /** The next frame; undefined until more bytes have come. Throws a FrameError. */
  next(): Frame | undefined {
    if (!this.#has(headBytes)) {
      this.#letGo();
      return undefined;
    }
    const type = this.#bytes[this.#at] as number;
    const size = this.#bytes.readUInt32BE(this.#at + 3);
    // Clients that forget the frame's own eight bytes are let be (rabbit_reader.erl: FRAME_SIZE_FUDGE).
    if (this.frameMax > 0 && size > this.frameMax) {
      throw new FrameError(type, nothing, `{frame_too_large,${size},${this.frameMax - frameOverhead}}`);
    }
    if (!this.#has(size + frameOverhead)) {
      this.#letGo();
      return undefined;
    }
    const bytes = this.#bytes;
    const start = this.#at + headBytes;
    const payload = bytes.subarray(start, start + size);
    const mark = bytes[start + size] as number;
    if (mark !== frameEnd) throw new FrameError(type, payload, `{invalid_frame_end_marker,${mark}}`);
    const channel = bytes.readUInt16BE(this.#at + 1);
    this.#at = start + size + 1;
    return { type, channel, payload };
  }

  #has(count: number): boolean {
    const here = this.#bytes.length - this.#at;
    if (here >= count) return true;
    if (here + this.#laterBytes < count) return false;
    this.#bytes = Buffer.concat([this.#bytes.subarray(this.#at), ...this.#later]);
    this.#at = 0;
    this.#later = [];
    this.#laterBytes = 0;
    return true;
  }

  /** A copy lets go of the chunk that the rest came in, which may be much larger. */
  #letGo(): void {
    if (this.#at > 0) this.#bytes = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = 0;
  }
}

/** A frame as text of one character per byte. */
export function frameText(type: number, channel: number, payload: string): string {
  return (
    String.fromCharCode(type) +
    short(channel) +
    long(payload.length) +
    payload +
    String.fromCharCode(frameEnd)
  );
}

/** Body frames, as many as the size needs: the head of each as text, its payload, its end as text. */
export function bodyFrames(channel: number, body: Buffer, frameMax: number): (string | Buffer)[] {
  const largest = frameMax === 0 ? body.length : frameMax - frameOverhead;
  const frames: (string | Buffer)[] = [];
  for (let from = 0; from < body.length; from += largest) {
    const part = body.subarray(from, from + largest);
    const head = String.fromCharCode(frameType.body) + short(channel) + long(part.length);
    frames.push(head, part, end);
  }
  return frames;
}

const end = String.fromCharCode(frameEnd);
