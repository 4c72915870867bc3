/** Writes bytes at a place in a file, all of them. A second attempt at the same place is as good as the first. */

/** `fs.writeSync`, or what stands in for it in tests. Gives how many bytes were written. */
export type WriteBytes = (
  descriptor: number,
  bytes: Buffer,
  ...place: [offset: number, length: number, position: number]
) => number;

export interface Write {
  readonly descriptor: number;
  readonly bytes: Buffer;
  readonly at: number;
  readonly write: WriteBytes;
}

/** Throws what the disk says. */
export function writeAll({ descriptor, bytes, at, write }: Write): void {
  let done = 0;
  while (done < bytes.length) done += write(descriptor, bytes, done, bytes.length - done, at + done);
}
