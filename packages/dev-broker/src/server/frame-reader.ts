/**
 * The way into a connection: bytes become frames, one after the other, for as long as they may be read. What may not
 * yet waits: in here, and then in the socket. Knows no methods, and ends nothing itself.
 */
import type { Socket } from 'node:net';

import { type Frame, FrameParser, protocolHeader } from '../codec/frames.js';

export interface FrameReaderOptions {
  readonly socket: Socket;
  /** Bytes of a frame, until another size is agreed. */
  readonly frameMax: number;
  /** Takes what comes before the first frame. Gives the rest, or `refused` when it is another protocol's. */
  readonly opening: (chunk: Buffer) => Buffer | 'refused';
  /** Something has come. */
  readonly heard: () => void;
  /** False: the next frame has to wait. */
  readonly mayRead: () => boolean;
  readonly frame: (frame: Frame) => void;
  /** After all that could be read. */
  readonly done: () => void;
  /** It was another protocol, and has been told ours. */
  readonly refused: () => void;
  /** The rest cannot be read. */
  readonly broken: (error: unknown) => void;
}

const nothing = Buffer.alloc(0);

export class FrameReader {
  #options: FrameReaderOptions;
  #parser: FrameParser;
  /** What comes is no AMQP, or has stopped being it. */
  #isDeaf = false;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#parser = new FrameParser(options.frameMax);
    options.socket.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  set frameMax(bytes: number) {
    this.#parser.frameMax = bytes;
  }

  /** Reads what has waited, and goes on. */
  readOn(): void {
    const { mayRead, socket } = this.#options;
    if (mayRead()) this.#receive(nothing);
    if (mayRead()) socket.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.#isDeaf) return;
    const { heard, mayRead, done, socket } = this.#options;
    heard();
    try {
      this.#read(chunk);
    } catch (error) {
      this.#isDeaf = true;
      this.#options.broken(error);
    }
    done();
    if (!this.#isDeaf && !mayRead()) socket.pause();
  }

  #read(chunk: Buffer): void {
    const { socket, opening, mayRead, frame: take, refused } = this.#options;
    const bytes = opening(chunk);
    if (bytes === 'refused') {
      this.#isDeaf = true;
      socket.end(protocolHeader); // which one we speak
      refused();
      return;
    }
    if (bytes.length > 0) this.#parser.push(bytes);
    while (mayRead()) {
      const frame = this.#parser.next();
      if (frame === undefined) return;
      take(frame);
    }
  }
}
