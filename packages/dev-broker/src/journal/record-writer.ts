/**
 * Records as bytes, gathered in one buffer until they are written: a head (length, and two checksums: one of the
 * length, one of the rest), then kind and fields. Knows no file, and not what a record means.
 */
import { crc32 } from 'node:zlib';

import { writeTable } from '@celeriac/core';

/** Length, checksum of the length, checksum of what follows: a length that cannot be trusted is seen as such. */
export const headBytes = 12;

const smallest = 65_536;
/** More than that is given back when it is empty again. */
const largestKept = 4 * 1024 * 1024;

export class RecordWriter {
  #bytes = Buffer.allocUnsafe(smallest);
  #end = 0;
  #start = 0;

  /** Bytes of the records that have ended. */
  get length(): number {
    return this.#end;
  }

  /** What was gathered. Valid until the next record begins. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  clear(): void {
    this.#end = 0;
    if (this.#bytes.length > largestKept) this.#bytes = Buffer.allocUnsafe(smallest);
  }

  begin(kind: number): void {
    this.#start = this.#end;
    this.#room(headBytes);
    this.octet(kind);
  }

  /** Gives the record's size. */
  finish(): number {
    const head = this.#start;
    const payload = this.#bytes.subarray(head + headBytes, this.#end);
    this.#bytes.writeUInt32BE(payload.length, head);
    this.#bytes.writeUInt32BE(crc32(this.#bytes.subarray(head, head + 4)), head + 4);
    this.#bytes.writeUInt32BE(crc32(payload), head + 8);
    return this.#end - head;
  }

  /** Forgets a record that has begun. */
  abandon(): void {
    this.#end = this.#start;
  }

  octet(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  whole(value: number): void {
    const at = this.#room(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  /** A number that may be larger, or none. */
  number(value: number | undefined): void {
    const at = this.#room(8);
    this.#bytes.writeDoubleBE(value ?? NaN, at);
  }

  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.whole(size);
    const at = this.#room(size);
    this.#bytes.write(value, at, size, 'utf8');
  }

  data(value: Buffer): void {
    this.whole(value.length);
    const at = this.#room(value.length);
    value.copy(this.#bytes, at);
  }

  table(value: Readonly<Record<string, unknown>>): void {
    const text = writeTable(value, 'arguments');
    const at = this.#room(text.length);
    this.#bytes.write(text, at, 'latin1');
  }

  /** Where the next bytes go. The buffer may be another one after this. */
  #room(size: number): number {
    const at = this.#end;
    const needed = at + size;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#end = needed;
    return at;
  }
}
