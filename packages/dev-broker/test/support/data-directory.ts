/** Directories for journals: made for a test, copied as a killed process would leave them, and deleted. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

import { createLogger, type Logger } from '@celeriac/core';

import {
  type DataJournal,
  type DataJournalOptions,
  openDataJournal,
} from '../../dist/journal/data-journal.js';

export class DataDirectories {
  /** What journals have logged. */
  readonly lines: string[] = [];
  readonly logger: Logger = createLogger({ format: 'json', write: (line) => void this.lines.push(line) });
  #made: string[] = [];
  #open = new Set<DataJournal>();

  make(): string {
    const directory = mkdtempSync(join(tmpdir(), 'celeriac-data-'));
    this.#made.push(directory);
    return directory;
  }

  /** As it is now, without its lock. */
  copy(directory: string): string {
    const copy = this.make();
    cpSync(directory, copy, { recursive: true, filter: (file) => !basename(file).startsWith('lock') });
    return copy;
  }

  open(directory: string, options: Partial<DataJournalOptions> = {}): DataJournal {
    const journal = openDataJournal({ directory, logger: this.logger, ...options });
    this.#open.add(journal);
    return journal;
  }

  clear(): void {
    for (const journal of this.#open) journal.close();
    this.#open.clear();
    for (const directory of this.#made.splice(0)) rmSync(directory, { recursive: true, force: true });
    this.lines.length = 0;
  }
}

/** The files of a journal, locks left out. */
export function journalFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith('journal'))
    .sort();
}
