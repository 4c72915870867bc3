/**
 * Frames: cut out of a stream of bytes, and put together. Pure. Never holds more than one incomplete frame, and
 * refuses one that is larger than was agreed before it has arrived.
 *
 * Source: AMQP 0-9-1 §2.3.
 */
import { long, short } from '@celeriac/core';

export const frameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
export const frameEnd = 0xce;
const headBytes = 7;
/** Head and end octet of a frame. */
export const frameOverhead: number = headBytes + 1;

export interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** The stream is not AMQP, or breaks its rules: the connection cannot go on. */
export class FrameError extends Error {}

export class FrameParser {
  /** Largest frame, its overhead included; 0 is no limit. */
  frameMax: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(frameMax: number) {
    this.frameMax = frameMax;
  }

  /**
   * Takes bytes as they come; calls back for every frame they complete, until the callback says false: the rest waits
   * for the next call. Throws a FrameError.
   */
  push(chunk: Buffer, take: (frame: Frame) => unknown): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const length = this.#frameLength(bytes);
      if (length === undefined || bytes.length < length) break;
      if (bytes[length - 1] !== frameEnd) throw new FrameError('a frame does not end with its end octet');
      const frame = {
        type: bytes[0] as number,
        channel: bytes.readUInt16BE(1),
        payload: bytes.subarray(headBytes, length - 1),
      };
      bytes = bytes.subarray(length);
      this.#rest = bytes; // a callback that throws loses no bytes
      if (take(frame) === false) break;
    }
    // A copy lets go of the chunk it came in, which may be much larger.
    this.#rest = bytes.length === chunk.length || bytes.length === 0 ? bytes : Buffer.from(bytes);
  }

  #frameLength(bytes: Buffer): number | undefined {
    if (bytes.length < headBytes) return undefined;
    const length = bytes.readUInt32BE(3) + frameOverhead;
    if (this.frameMax > 0 && length - frameOverhead > this.frameMax) {
      throw new FrameError(`a frame of ${length} bytes, where ${this.frameMax} were agreed`);
    }
    return length;
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

/** Body frames, as many as the size needs. */
export function bodyFrames(channel: number, body: Buffer, frameMax: number): Buffer[] {
  const largest = frameMax === 0 ? body.length : frameMax - frameOverhead;
  const frames: Buffer[] = [];
  for (let from = 0; from < body.length; from += largest) {
    const part = body.subarray(from, from + largest);
    const head = String.fromCharCode(frameType.body) + short(channel) + long(part.length);
    frames.push(Buffer.from(head, 'latin1'), part, end);
  }
  return frames;
}

const end = Buffer.from([frameEnd]);
