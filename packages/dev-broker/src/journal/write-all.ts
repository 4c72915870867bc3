/** Writes bytes at a place in a file, all of them. A second attempt at the same place is as good as the first. */
import { writeSync } from 'node:fs';

/** Writes some of the bytes at a position of a file, and gives how many. Throws what the disk says. */
export type WriteBytes = (descriptor: number, bytes: Buffer, position: number) => number;

export const writeBytes: WriteBytes = (descriptor, bytes, position) =>
  writeSync(descriptor, bytes, 0, bytes.length, position);

export interface Write {
  readonly descriptor: number;
  readonly bytes: Buffer;
  readonly at: number;
  readonly write: WriteBytes;
}

/** Throws what the disk says. */
export function writeAll({ descriptor, bytes, at, write }: Write): void {
  for (let done = 0; done < bytes.length;) {
    done += write(descriptor, bytes.subarray(done), at + done);
  }
}
