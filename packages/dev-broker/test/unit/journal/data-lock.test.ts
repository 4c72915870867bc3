/** Who may use a directory. Other processes are real ones. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, realpathSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { isCeleriacError } from '@celeriac/core';
import { expect } from 'chai';

import { lockData } from '../../../dist/journal/data-lock.js';
import { DataDirectories } from '../../support/data-directory.js';

const longAgo = new Date(0);
const lockModule = new URL('../../../dist/journal/data-lock.js', import.meta.url).href;
/** Locks, says so, and unlocks when it is told to. */
const threadWithLock = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.module).then(({ lockData }) => {
    const unlock = lockData(workerData.directory);
    parentPort.once('message', unlock);
    parentPort.postMessage('locked');
  });
`;

describe('a data directory', () => {
  const directories = new DataDirectories();
  afterEach(() => directories.clear());
  const make = (): string => realpathSync(directories.make());

  function refusal(directory: string): { code: string; pid: unknown } | undefined {
    try {
      lockData(directory)();
      return undefined;
    } catch (error) {
      if (!isCeleriacError(error)) throw error;
      return { code: error.code, pid: error.values.pid };
    }
  }

  it('is for one at a time in a process, and free again afterwards', () => {
    const directory = make();
    const unlock = lockData(directory);

    expect(refusal(directory)).to.deep.equal({ code: 'ERR_DATA_LOCKED', pid: process.pid });
    unlock();
    expect(refusal(directory)).to.equal(undefined);
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it('is locked by a process that lives, and not by one that has died without a word', async () => {
    const directory = make();
    const child = spawn(process.execPath, ['--eval', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(child, 'spawn');
    writeFileSync(join(directory, 'lock'), `${child.pid}\n`);
    const whileItLives = refusal(directory);
    child.kill('SIGKILL');
    await once(child, 'exit');

    expect(whileItLives).to.deep.equal({ code: 'ERR_DATA_LOCKED', pid: child.pid });
    expect(refusal(directory)).to.equal(undefined);
  });

  it('is not locked by a predecessor that had our own process id, nor by a lock that names nobody', () => {
    for (const text of [`${process.pid}\n`, '', 'nonsense\n', '12']) {
      const directory = make();
      writeFileSync(join(directory, 'lock'), text);
      utimesSync(join(directory, 'lock'), longAgo, longAgo); // predecessors come before

      expect(refusal(directory), JSON.stringify(text)).to.equal(undefined);
    }
  });

  it('is locked by another thread of this process', async () => {
    const directory = make();
    const worker = new Worker(threadWithLock, { eval: true, workerData: { directory, module: lockModule } });
    await once(worker, 'message');
    const whileItLives = refusal(directory);
    worker.postMessage('unlock');
    await once(worker, 'exit');

    expect(whileItLives).to.deep.equal({ code: 'ERR_DATA_LOCKED', pid: process.pid });
    expect(refusal(directory)).to.equal(undefined);
  });

  it('keeps the lock of somebody else who has taken over', () => {
    const directory = make();
    const unlock = lockData(directory);
    writeFileSync(join(directory, 'lock'), '1\n');
    unlock();

    expect(existsSync(join(directory, 'lock'))).to.equal(true);
  });

  it('is one directory, by whatever path', () => {
    const directory = make();
    const journal = directories.open(directory);

    expect(() => directories.open(`${directory}/../${directory.split('/').at(-1) ?? ''}`))
      .to.throw()
      .with.property('code', 'ERR_DATA_LOCKED');
    journal.close();
  });
});
