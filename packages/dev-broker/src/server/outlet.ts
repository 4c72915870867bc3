/**
 * The last step out of a connection: bytes are written to the socket, in pieces where a fault wants that, and the
 * socket ends after all of them. Knows no frames.
 */
import type { Socket } from 'node:net';

import type { ConnectionFaults } from '../faults/target.js';

export interface OutletOptions {
  readonly socket: Socket;
  readonly faults: Pick<ConnectionFaults, 'pieceBytes'>;
  /** What had to wait is written. */
  readonly emptied: () => void;
}

/** Bytes that wait, and how many of them go at once. */
interface Waiting {
  rest: Buffer;
  readonly size: number;
}

export class Outlet {
  #options: OutletOptions;
  #waiting: Waiting[] = [];
  /** Of those in `#waiting`. */
  #bytes = 0;
  #end: (() => void) | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Bytes that the client has not read, as far as we can know. */
  get waitingBytes(): number {
    return this.#bytes + this.#options.socket.writableLength;
  }

  /** False: `emptied`, or the socket's `drain`, follows. */
  get hasRoom(): boolean {
    return this.#waiting.length === 0 && !this.#options.socket.writableNeedDrain;
  }

  write(bytes: Buffer): void {
    const { socket, faults } = this.#options;
    if (this.#end !== undefined || !socket.writable) return;
    if (faults.pieceBytes === 0 && this.#waiting.length === 0) {
      socket.write(bytes);
      return;
    }
    if (this.#waiting.length === 0) setImmediate(() => this.#writePiece());
    this.#waiting.push({ rest: bytes, size: faults.pieceBytes === 0 ? bytes.length : faults.pieceBytes });
    this.#bytes += bytes.length;
  }

  /** Says that nothing more comes, after what was written. */
  end(): void {
    if (this.#end === undefined) this.#endWith(() => this.#options.socket.end());
  }

  /** Ends the connection after what was written. */
  drop(): void {
    this.#endWith(() => this.#options.socket.destroySoon());
  }

  #endWith(end: () => void): void {
    this.#end = end;
    if (this.#waiting.length === 0) end();
  }

  /** One at a time, so that the client reads them one at a time. */
  #writePiece(): void {
    const [first] = this.#waiting;
    if (first === undefined || !this.#options.socket.writable) return this.#forget();
    const piece = first.rest.subarray(0, first.size);
    first.rest = first.rest.subarray(piece.length);
    this.#bytes -= piece.length;
    if (first.rest.length === 0) this.#waiting.shift();
    this.#options.socket.write(piece);
    if (this.#waiting.length > 0) setImmediate(() => this.#writePiece());
    else if (this.#end !== undefined) this.#end();
    else this.#options.emptied();
  }

  /** The socket is gone. */
  #forget(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }
}
