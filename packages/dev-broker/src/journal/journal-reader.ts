/**
 * Reads the records of a journal file in order, and judges how it ends. A last record that is not whole is what a
 * killed process leaves: it was promised to nobody, and does not count. Anything else that cannot be read is damage,
 * and refused: what follows it would be lost without a word. Changes nothing.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { corrupt, newerFormat } from './journal-error.js';
import { headBytes } from './record-writer.js';
import { type JournalRecord, readRecord } from './records.js';

const magic = Buffer.from('celeriac', 'latin1');
export const formatVersion = 1;
/** What stands at the beginning of a file: whose it is, and its format. */
export const preamble: Buffer = preambleOf(formatVersion);

function preambleOf(version: number): Buffer {
  const bytes = Buffer.alloc(magic.length + 4);
  magic.copy(bytes);
  bytes.writeUInt32BE(version, magic.length);
  return bytes;
}

const windowBytes = 1024 * 1024;

/** Bytes of a file, read as they are asked for. */
class FileBytes {
  readonly size: number;
  #descriptor: number;
  #window: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
    this.size = fstatSync(descriptor).size;
  }

  /** Valid until the next call. Shorter where the file ends. */
  at(offset: number, length: number): Buffer {
    const inside = offset >= this.#from && offset + length <= this.#from + this.#window.length;
    if (!inside) this.#read(offset, Math.max(length, windowBytes));
    return this.#window.subarray(offset - this.#from, offset - this.#from + length);
  }

  #read(offset: number, length: number): void {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const window = Buffer.allocUnsafe(wanted);
    let read = 0;
    while (read < wanted) {
      const count = readSync(this.#descriptor, window, read, wanted - read, offset + read);
      if (count === 0) break; // it has become shorter
      read += count;
    }
    this.#window = window.subarray(0, read);
    this.#from = offset;
  }

  isZeroFrom(offset: number): boolean {
    for (let at = offset; at < this.size; at += windowBytes) {
      if (this.at(at, Math.min(windowBytes, this.size - at)).some((byte) => byte !== 0)) return false;
    }
    return true;
  }
}

export interface Read {
  /** Where the next record goes. */
  readonly end: number;
  /** Bytes after that, of a record that is not whole. */
  readonly torn: number;
}

/** Calls `take` with every record and its size. Throws ERR_JOURNAL_CORRUPT and ERR_JOURNAL_VERSION. */
export function readJournal(file: string, take: (record: JournalRecord, bytes: number) => void): Read {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = new FileBytes(descriptor);
    assertPreamble(file, bytes.at(0, preamble.length));
    return readRecords(file, bytes, take);
  } finally {
    closeSync(descriptor);
  }
}

function assertPreamble(file: string, found: Buffer): void {
  if (found.length < preamble.length || !found.subarray(0, magic.length).equals(magic)) {
    throw corrupt({ file, offset: 0, what: 'it does not begin as a journal does', canBeCut: false });
  }
  const version = found.readUInt32BE(magic.length);
  if (version !== formatVersion) throw newerFormat(file, { version, known: formatVersion });
}

function readRecords(
  file: string,
  bytes: FileBytes,
  take: (record: JournalRecord, bytes: number) => void,
): Read {
  let at = preamble.length;
  let isComplete = false;
  const damaged = (what: string): Error => corrupt({ file, offset: at, what, canBeCut: isComplete });
  while (at < bytes.size) {
    const found = recordAt(bytes, at);
    if (typeof found === 'string') throw damaged(found);
    if (found === undefined) break;
    const record = decoded(found, damaged);
    if (record.kind === 'complete') isComplete = true;
    at += headBytes + found.length;
    take(record, headBytes + found.length);
  }
  // The file was given its name when its beginning was whole: this is not what a killed process leaves.
  if (!isComplete) throw damaged('the state with which it begins is not whole');
  return { end: at, torn: bytes.size - at };
}

/** The record without its head; a text: why it is damaged; undefined: it is the last one, and not whole. */
function recordAt(bytes: FileBytes, at: number): Buffer | string | undefined {
  const head = bytes.at(at, headBytes);
  if (head.length < headBytes) return undefined;
  const length = head.readUInt32BE(0);
  const [lengthSum, sum] = [head.readUInt32BE(4), head.readUInt32BE(8)];
  // Zeros are what some file systems leave after a power failure, where bytes were about to be written.
  if (crc32(head.subarray(0, 4)) !== lengthSum) {
    return bytes.isZeroFrom(at + headBytes) ? undefined : 'the checksum of its length is wrong';
  }
  const end = at + headBytes + length;
  if (end > bytes.size) return undefined;
  const payload = bytes.at(at + headBytes, length);
  if (crc32(payload) === sum) return payload;
  return bytes.isZeroFrom(end) ? undefined : 'its checksum is wrong';
}

function decoded(payload: Buffer, damaged: (what: string) => Error): JournalRecord {
  try {
    return readRecord(payload);
  } catch (error) {
    throw damaged((error as Error).message); // whole, and not what this version writes
  }
}
