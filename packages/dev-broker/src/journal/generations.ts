/**
 * The files of a journal: `journal-000001`, `journal-000002`, each of which begins with the whole state and goes on
 * with what changed. The newest one counts. A file gets its name when its beginning is on the disk, so that at any
 * moment there is one that is whole.
 */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { preamble } from './journal-reader.js';
import type { KeptState } from './kept-state.js';
import { RecordWriter } from './record-writer.js';
import { writeRecord } from './records.js';
import { snapshot } from './snapshot.js';
import { writeAll, type WriteBytes } from './write-all.js';

const pattern = /^journal-(\d{6,})$/u;
const unfinished = '.new';
const chunkBytes = 1024 * 1024;

export interface Generation {
  readonly number: number;
  readonly file: string;
}

/** The newest one, if there is any. */
export function newestGeneration(directory: string): Generation | undefined {
  const all = readdirSync(directory)
    .map((name) => ({ file: join(directory, name), number: Number(pattern.exec(name)?.[1]) }))
    .filter(({ number }) => !Number.isNaN(number));
  return all.sort((a, b) => b.number - a.number)[0];
}

/** Deletes what an earlier process has left besides: files that count no more, and those that never did. */
export function deleteOthers(directory: string, { file }: Generation): void {
  for (const name of readdirSync(directory)) {
    const isJournal = pattern.test(name.endsWith(unfinished) ? name.slice(0, -unfinished.length) : name);
    if (isJournal && join(directory, name) !== file) rmSync(join(directory, name), { force: true });
  }
}

export interface Written extends Generation {
  /** Open for writing. */
  readonly descriptor: number;
  readonly size: number;
}

export interface NewGeneration {
  readonly directory: string;
  readonly number: number;
  readonly state: KeptState;
  readonly write: WriteBytes;
}

/** Writes a file that begins with this state. Throws what the disk says; then there is no such file. */
export function writeGeneration({ directory, number, state, write }: NewGeneration): Written {
  const file = join(directory, `journal-${String(number).padStart(6, '0')}`);
  const draft = file + unfinished;
  const descriptor = openSync(draft, 'w', 0o600);
  try {
    const size = writeState(descriptor, state, write);
    fsyncSync(descriptor);
    renameSync(draft, file);
    syncDirectory(directory);
    return { number, file, descriptor, size };
  } catch (error) {
    closeSync(descriptor);
    rmSync(draft, { force: true });
    throw error;
  }
}

function writeState(descriptor: number, state: KeptState, write: WriteBytes): number {
  writeAll({ descriptor, bytes: preamble, at: 0, write });
  let size = preamble.length;
  const records = new RecordWriter();
  const flush = (): void => {
    writeAll({ descriptor, bytes: records.bytes, at: size, write });
    size += records.length;
    records.clear();
  };
  for (const record of snapshot(state)) {
    writeRecord(records, record);
    if (records.length >= chunkBytes) flush();
  }
  flush();
  return size;
}

function syncDirectory(directory: string): void {
  try {
    const descriptor = openSync(directory, 'r');
    try {
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // Windows knows no such thing, and keeps names without it.
  }
}
