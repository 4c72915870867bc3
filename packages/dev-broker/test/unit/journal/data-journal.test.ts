/** The journal of a directory: what is written when, new files, processes that die in between. */
import { copyFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect } from 'chai';

import type { KeptState } from '../../../dist/journal/kept-state.js';
import { RecordWriter } from '../../../dist/journal/record-writer.js';
import { writeRecord } from '../../../dist/journal/records.js';
import { snapshot } from '../../../dist/journal/snapshot.js';
import { type WriteBytes, writeBytes } from '../../../dist/journal/write-all.js';
import { DataDirectories, journalFiles } from '../../support/data-directory.js';
import { add, declare, positions, remove } from '../../support/queue-records.js';

/** All of it, as text that is the same for the same. */
function stateText(state: KeptState): string {
  const out = new RecordWriter();
  for (const record of snapshot(state)) writeRecord(out, record);
  return out.bytes.toString('latin1');
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);

describe('the journal of a directory', () => {
  const directories = new DataDirectories();
  afterEach(() => directories.clear());

  it('has written what it was told when flush returns, and by itself after the turn of the event loop', async () => {
    const directory = directories.make();
    const journal = directories.open(directory);
    declare(journal);
    add(journal, 0);
    const before = directories.copy(directory);
    journal.flush();
    const flushed = directories.copy(directory);
    add(journal, 1);
    await new Promise((resolve) => void setImmediate(resolve));
    const later = directories.copy(directory);

    expect([before, flushed, later].map((copy) => positions(directories.open(copy)))).to.deep.equal([
      [],
      [0],
      [0, 1],
    ]);
  });

  it('knows after a torn end what was whole, says so once, and writes on from there', () => {
    const directory = directories.make();
    const journal = directories.open(directory);
    declare(journal);
    add(journal, 0, 1);
    journal.close();
    const file = join(directory, 'journal-000001');
    const whole = readFileSync(file);
    writeFileSync(file, whole.subarray(0, whole.length - 3));

    const second = directories.open(directory);
    expect(positions(second)).to.deep.equal([0]);
    add(second, 2);
    second.close();
    const third = directories.open(directory);

    expect(positions(third)).to.deep.equal([0, 2]);
    expect(directories.lines).to.have.length(1);
    expect(directories.lines[0]).to.match(/"level":"warn".*in the middle of a record/u);
  });

  it('takes nothing more once it is closed', () => {
    const directory = directories.make();
    const journal = directories.open(directory);
    declare(journal);
    journal.close();
    add(journal, 0);
    journal.flush();
    journal.close();

    expect(positions(directories.open(directory))).to.deep.equal([]);
  });

  it('says that a directory cannot be used', () => {
    const file = join(directories.make(), 'file');
    writeFileSync(file, '');

    expect(() => directories.open(file))
      .to.throw()
      .with.property('code', 'ERR_JOURNAL_WRITE');
  });

  describe('that is mostly past', () => {
    it('begins a new file with what is left, and deletes the old one', () => {
      const directory = directories.make();
      const journal = directories.open(directory, { worthCompacting: 20_000 });
      declare(journal);
      add(journal, ...range(0, 300));
      journal.flush();
      remove(journal, ...range(0, 290));
      journal.flush();
      add(journal, 300);
      journal.close();

      expect(journalFiles(directory)).to.deep.equal(['journal-000002']);
      expect(statSync(join(directory, 'journal-000002')).size).to.be.lessThan(3000);
      expect(positions(directories.open(directory))).to.deep.equal([...range(290, 300), 300]);
    });

    it('is left alone while what is left is more than half of it, and while it is small', () => {
      const directory = directories.make();
      const journal = directories.open(directory, { worthCompacting: 20_000 });
      declare(journal);
      for (let at = 0; at < 100; at++) {
        add(journal, at);
        remove(journal, at);
        journal.flush();
      }
      add(journal, ...range(1000, 2000));
      journal.flush();

      expect(journalFiles(directory)).to.deep.equal(['journal-000001']);
    });

    it('does not begin a new file again and again: each one halves it at least', () => {
      const directory = directories.make();
      const journal = directories.open(directory, { worthCompacting: 2000 });
      declare(journal);
      add(journal, ...range(0, 100));
      for (let round = 0; round < 200; round++) {
        for (const position of [0, 1, 2]) {
          const returned = { position, deliveryCount: 1, acquiredCount: 1 };
          journal.append({ kind: 'delivered', id: 1, position });
          journal.append({ kind: 'returned', id: 1, place: 'first', ...returned });
        }
        journal.flush();
      }
      const [file = ''] = journalFiles(directory);

      expect(Number(file.split('-')[1])).to.be.within(2, 8);
    });

    it('goes on with the old file when a new one cannot be written, and does not try each time', () => {
      const directory = directories.make();
      let isFull = false;
      const write: WriteBytes = (descriptor, bytes, position) => {
        if (isFull && position === 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        return writeBytes(descriptor, bytes, position);
      };
      const journal = directories.open(directory, { worthCompacting: 5000, write });
      isFull = true; // for files that begin
      declare(journal);
      for (let at = 0; at < 1000; at++) {
        add(journal, at);
        remove(journal, at);
        journal.flush();
      }
      add(journal, 1000);
      journal.close();

      expect(journalFiles(directory)).to.deep.equal(['journal-000001']);
      expect(directories.lines.length).to.be.within(1, 8);
      expect(positions(directories.open(directory))).to.deep.equal([1000]);
    });
  });

  describe('whose process dies while it begins a new file', () => {
    /** The same state before and after, as files. */
    function beforeAndAfter(): { old: string; renewed: string; state: string } {
      const old = directories.make();
      const journal = directories.open(old, { worthCompacting: 3000 });
      declare(journal);
      add(journal, ...range(0, 10));
      journal.append({ kind: 'delivered', id: 1, position: 3 });
      for (let at = 100; at < 200; at++) {
        add(journal, at);
        remove(journal, at);
      }
      const copy = directories.make();
      const plain = directories.open(copy);
      declare(plain);
      add(plain, ...range(0, 10));
      plain.append({ kind: 'delivered', id: 1, position: 3 });
      plain.close();
      journal.close();
      return { old: copy, renewed: old, state: stateText(journal.state) };
    }

    function stateIn(directory: string): string {
      const journal = directories.open(directory);
      const text = stateText(journal.state);
      expect(journalFiles(directory)).to.have.length(1);
      journal.close();
      return text;
    }

    it('at any byte of it, or around its naming, loses nothing', () => {
      const { old, renewed, state } = beforeAndAfter();
      const bytes = readFileSync(join(renewed, 'journal-000002'));
      for (let size = 0; size <= bytes.length; size += 7) {
        const directory = directories.copy(old);
        writeFileSync(join(directory, 'journal-000002.new'), bytes.subarray(0, size));
        expect(stateIn(directory), `${size} bytes`).to.equal(state);
      }
      const both = directories.copy(old);
      copyFileSync(join(renewed, 'journal-000002'), join(both, 'journal-000002'));
      expect(stateIn(both), 'before the old one was deleted').to.equal(state);
      expect(stateIn(renewed), 'after').to.equal(state);
      const third = directories.copy(renewed);
      writeFileSync(join(third, 'journal-000003.new'), bytes.subarray(0, 30));
      copyFileSync(join(old, 'journal-000001'), join(third, 'journal-000001'));
      expect(stateIn(third), 'with all that can be left over').to.equal(state);
    });

    it('at any write that it makes, loses nothing that was flushed', () => {
      const directory = directories.make();
      const copies: { copy: string; confirmed: number }[] = [];
      let confirmed = 0;
      const write: WriteBytes = (descriptor, bytes, position) => {
        copies.push({ copy: directories.copy(directory), confirmed });
        return writeBytes(descriptor, bytes.subarray(0, 500), position); // as a disk may
      };
      const journal = directories.open(directory, { worthCompacting: 1000, write });
      declare(journal);
      for (let at = 0; at < 60; at++) {
        add(journal, at);
        if (at >= 5) remove(journal, at - 5);
        journal.flush();
        confirmed = at + 1;
      }
      const begun = copies.slice(2); // before that there is no directory to speak of

      expect(journalFiles(directory)).not.to.deep.equal(['journal-000001']);
      for (const { copy, confirmed: count } of begun) {
        const found = positions(directories.open(copy));
        expect(found, copy).to.include.members(range(Math.max(0, count - 4), count));
        expect(found).to.deep.equal([...found].sort((a, b) => a - b));
      }
    });

    it('keeps the older file when the newest is damaged', () => {
      const { old, renewed } = beforeAndAfter();
      const bytes = readFileSync(join(renewed, 'journal-000002'));
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      writeFileSync(join(old, 'journal-000002'), bytes);

      expect(() => directories.open(old))
        .to.throw()
        .with.property('code', 'ERR_JOURNAL_CORRUPT');
      expect(journalFiles(old)).to.deep.equal(['journal-000001', 'journal-000002']);
      renameSync(join(old, 'journal-000002'), join(old, 'away'));
      expect(positions(directories.open(old))).to.deep.equal(range(0, 10));
    });
  });

  it('that waits for the disk is read as any other', () => {
    const directory = directories.make();
    const journal = directories.open(directory, { sync: true });
    declare(journal);
    add(journal, 0);
    journal.flush();

    expect(positions(directories.open(directories.copy(directory)))).to.deep.equal([0]);
  });
});
