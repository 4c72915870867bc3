/** A disk that takes no more, and then does again. */
import { isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import type { DataJournal } from '../../../dist/journal/data-journal.js';
import { type WriteBytes, writeBytes } from '../../../dist/journal/write-all.js';
import { DataDirectories } from '../../support/data-directory.js';
import { add, declare, positions } from '../../support/queue-records.js';

describe('a journal on a disk that is full', () => {
  const directories = new DataDirectories();
  afterEach(() => directories.clear());

  function fillable(): { journal: DataJournal; directory: string; fill: (room: number) => void } {
    const directory = directories.make();
    let left = Infinity;
    const write: WriteBytes = (descriptor, bytes, position) => {
      if (left <= 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      const count = Math.min(left, bytes.length);
      left -= count;
      return writeBytes(descriptor, bytes.subarray(0, count), position);
    };
    const fill = (room: number): void => {
      left = room;
    };
    return { journal: directories.open(directory, { write }), directory, fill };
  }

  function flushError(journal: DataJournal): unknown {
    try {
      journal.flush();
    } catch (error) {
      return isCeleriacError(error) ? error.code : error;
    }
    return undefined;
  }

  it('flush refuses until there is room again, and then has forgotten nothing', () => {
    for (const room of [0, 1, 50, 120]) {
      const { journal, directory, fill } = fillable();
      declare(journal);
      add(journal, 0);
      journal.flush();
      fill(room);
      add(journal, 1, 2);
      expect(flushError(journal)).to.equal('ERR_JOURNAL_WRITE');
      expect(positions(directories.open(directories.copy(directory)))).to.include(0);
      add(journal, 3);
      expect(flushError(journal)).to.equal('ERR_JOURNAL_WRITE');
      fill(Infinity);
      expect(flushError(journal)).to.equal(undefined);

      expect(positions(directories.open(directories.copy(directory)))).to.deep.equal([0, 1, 2, 3]);
      const said = directories.lines.filter((line) => !line.includes('in the middle of a record'));
      expect(said, 'said once, and once that it is over').to.have.length(2);
      directories.clear();
    }
  });

  it('a turn of the event loop that ends without room throws nowhere', async () => {
    const { journal, fill } = fillable();
    declare(journal);
    fill(0);
    await new Promise((resolve) => void setImmediate(resolve));

    expect(directories.lines.join('')).to.include('ERR_JOURNAL_WRITE');
    journal.close();
  });
});
