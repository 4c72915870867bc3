/** Reads the fields of a record, as `record-writer.ts` wrote them. Throws a RangeError for what does not fit. */
import { readTable } from '@celeriac/core';

export class FieldReader {
  #bytes: Buffer;
  #at = 0;

  constructor(payload: Buffer) {
    this.#bytes = payload;
  }

  /** Throws when something is left. */
  finish(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new RangeError(`${left} bytes too many`);
  }

  octet(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  whole(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  number(): number | undefined {
    const value = this.#bytes.readDoubleBE(this.#take(8));
    return Number.isNaN(value) ? undefined : value;
  }

  text(): string {
    const size = this.whole();
    const at = this.#take(size);
    return this.#bytes.toString('utf8', at, at + size);
  }

  /** A copy: what it was read from is not kept alive. */
  data(): Buffer {
    const size = this.whole();
    const at = this.#take(size);
    return Buffer.from(this.#bytes.subarray(at, at + size));
  }

  table(): Readonly<Record<string, unknown>> {
    const { table, end } = readTable(this.#bytes, this.#at);
    this.#at = end;
    return table;
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw new RangeError('a field reaches past the end of its record');
    this.#at = at + size;
    return at;
  }
}
