/**
 * The journal of a data directory: takes records, writes them when it is told to, or at the latest after this turn of
 * the event loop, and begins a new file when the old one is mostly past. Never throws but from `flush`; knows no
 * broker.
 */
import { closeSync, fdatasyncSync, ftruncateSync, mkdirSync, openSync, realpathSync, rmSync } from 'node:fs';

import { isCeleriacError, type Logger } from '@celeriac/core';

import { lockData } from './data-lock.js';
import { deleteOthers, newestGeneration, writeGeneration, type Written } from './generations.js';
import { notWritten } from './journal-error.js';
import { readJournal } from './journal-reader.js';
import { KeptState } from './kept-state.js';
import { RecordWriter } from './record-writer.js';
import { type JournalRecord, writeRecord } from './records.js';
import { writeAll, type WriteBytes, writeBytes } from './write-all.js';

export interface DataJournalOptions {
  /** Made when it is not there. */
  readonly directory: string;
  /** Waits for the disk itself with every `flush`. Default false. */
  readonly sync?: boolean | undefined;
  readonly logger: Logger;
  /** Bytes of a file that is worth to be written anew. Default 8 MiB. */
  readonly worthCompacting?: number;
  /** The disk, where tests stand in for it. */
  readonly write?: WriteBytes;
}

const mebibyte = 1024 * 1024;

/** Opens it. Throws ERR_DATA_LOCKED, ERR_JOURNAL_CORRUPT, ERR_JOURNAL_VERSION, or ERR_JOURNAL_WRITE. */
export function openDataJournal(options: DataJournalOptions): DataJournal {
  let unlock: (() => void) | undefined;
  try {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const directory = realpathSync(options.directory);
    unlock = lockData(directory);
    return new DataJournal({ ...options, directory }, unlock);
  } catch (error) {
    unlock?.();
    throw isCeleriacError(error) ? error : notWritten(options.directory, error);
  }
}

export type { DataJournal };

class DataJournal {
  readonly directory: string;
  /** What was kept, and all that was told since. */
  readonly state = new KeptState();
  #options: DataJournalOptions;
  #unlock: () => void;
  #write: WriteBytes;
  #file: Written;
  /** Bytes of it that are written. */
  #size: number;
  #pending = new RecordWriter();
  /** When a new file is tried next: one that could not be made is not tried at once again. */
  #compactAt: number;
  #isFailing = false;
  /** The disk has lost something it had taken. */
  #broken: Error | undefined;
  #isClosed = false;

  constructor(options: DataJournalOptions, unlock: () => void) {
    this.#options = options;
    this.directory = options.directory;
    this.#unlock = unlock;
    this.#write = options.write ?? writeBytes;
    this.#compactAt = options.worthCompacting ?? 8 * mebibyte;
    this.#file = this.#open();
    this.#size = this.#file.size;
  }

  /** Takes note of a change. It is promised to nobody before `flush`. */
  append(record: JournalRecord): void {
    if (this.#isClosed) return;
    if (this.#pending.length === 0) setImmediate(() => this.#tryFlush());
    this.state.apply(record, writeRecord(this.#pending, record));
  }

  /** Hands everything to the operating system. Throws ERR_JOURNAL_WRITE; what was taken note of is tried again. */
  flush(): void {
    if (this.#pending.length === 0) return;
    try {
      this.#writePending();
    } catch (error) {
      throw this.#failed(error);
    }
    if (this.#isFailing)
      this.#options.logger.warn('the journal can be written again', { file: this.#file.file });
    this.#isFailing = false;
    this.#size += this.#pending.length;
    this.#pending.clear();
    if (this.#size > this.#compactAt && this.#size > 2 * this.state.liveBytes) this.#compact();
  }

  /** Writes what is left, and lets others in. What is told later is not kept. */
  close(): void {
    if (this.#isClosed) return;
    this.#tryFlush();
    this.#isClosed = true;
    this.#pending.clear();
    closeSync(this.#file.descriptor);
    this.#unlock();
  }

  #open(): Written {
    const { directory, logger } = this.#options;
    const newest = newestGeneration(directory);
    if (newest === undefined) {
      return writeGeneration({ directory, number: 1, state: this.state, write: this.#write });
    }
    const { file } = newest;
    const { end, torn } = readJournal(file, (record, bytes) => this.state.apply(record, bytes));
    deleteOthers(directory, newest);
    const descriptor = openSync(file, 'r+');
    if (torn > 0) {
      logger.warn('the journal ended in the middle of a record, which was promised to nobody', {
        file,
        bytes: torn,
      });
      ftruncateSync(descriptor, end);
    }
    return { ...newest, descriptor, size: end };
  }

  #writePending(): void {
    if (this.#broken !== undefined) throw this.#broken;
    const { descriptor } = this.#file;
    writeAll({ descriptor, bytes: this.#pending.bytes, at: this.#size, write: this.#write });
    if (this.#options.sync !== true) return;
    try {
      fdatasyncSync(descriptor);
    } catch (error) {
      // What the disk did not take may be gone from the system's memory too: a second attempt would prove nothing.
      this.#broken = error as Error;
      throw error;
    }
  }

  #failed(cause: unknown): Error {
    const error = notWritten(this.#file.file, cause);
    if (!this.#isFailing) this.#options.logger.error('the embedded broker confirms nothing', { error });
    this.#isFailing = true;
    return error;
  }

  #tryFlush(): void {
    if (this.#isClosed) return;
    try {
      this.flush();
    } catch {
      // It was logged, and whoever waits for an answer will be told by the next flush.
    }
  }

  #compact(): void {
    const { directory, logger, worthCompacting = 8 * mebibyte } = this.#options;
    const old = this.#file;
    try {
      this.#file = writeGeneration({
        directory,
        number: old.number + 1,
        state: this.state,
        write: this.#write,
      });
    } catch (error) {
      this.#compactAt = this.#size * 2;
      logger.warn('the journal goes on growing: a new file cannot be written', { file: old.file, error });
      return;
    }
    this.#size = this.#file.size;
    this.#compactAt = worthCompacting;
    closeSync(old.descriptor);
    rmSync(old.file, { force: true });
  }
}
