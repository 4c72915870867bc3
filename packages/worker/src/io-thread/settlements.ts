/**
 * A ring in shared memory that carries what becomes of deliveries from the main thread to the I/O thread: written
 * while the handlers run, readable even while the main thread is blocked. One writer, one reader. Knows nothing of
 * channels.
 */
import type { Settlement } from './protocol.js';

/** Entries; more than this wait only where the I/O thread does not run. */
const size = 16_384;
const writtenAt = 0;
const readAt = 1;
/** Numbers before the entries. */
const head = 2;
const perEntry = 2;

export function settlementMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer((head + size * perEntry) * Int32Array.BYTES_PER_ELEMENT);
}

function entryAt(count: number): number {
  return head + ((count >>> 0) % size) * perEntry;
}

export class SettlementWriter {
  #ring: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Int32Array(memory);
  }

  /** False when there is no room. */
  write(delivery: number, how: Settlement): boolean {
    const written = Atomics.load(this.#ring, writtenAt);
    if (((written - Atomics.load(this.#ring, readAt)) | 0) >= size) return false;
    const at = entryAt(written);
    this.#ring[at] = delivery;
    this.#ring[at + 1] = how;
    Atomics.store(this.#ring, writtenAt, (written + 1) | 0); // publishes the entry
    return true;
  }
}

export class SettlementReader {
  #ring: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#ring = new Int32Array(memory);
  }

  /** Takes out all that is there, in order. */
  read(take: (delivery: number, how: Settlement) => void): void {
    const written = Atomics.load(this.#ring, writtenAt);
    let read = Atomics.load(this.#ring, readAt);
    for (; read !== written; read = (read + 1) | 0) {
      const at = entryAt(read);
      take(this.#ring[at] as number, this.#ring[at + 1] as Settlement);
    }
    Atomics.store(this.#ring, readAt, read);
  }
}
