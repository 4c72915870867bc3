/**
 * Keeps a second broker out of a directory: a file with the process id of who is inside. That of a process that is
 * gone counts for nothing. Threads of one process count as well. Does not guard against other machines that share the directory.
 */
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { systemClock } from '@celeriac/core';

import { inUse } from './journal-error.js';

export const lockName = 'lock';
const attempts = 10;

/** Directories that this thread is inside of: held by the thread, not by this copy of the module. */
const holder = globalThis as { [key: symbol]: Set<string> | undefined };
const key = Symbol.for('celeriac.locked-data');

/** Throws ERR_DATA_LOCKED. Gives the function that lets others in. `directory` is its one true path. */
export function lockData(directory: string, pid: number = process.pid): () => void {
  const mine = (holder[key] ??= new Set<string>());
  const lock = join(directory, lockName);
  if (mine.has(directory)) throw inUse(directory, pid, lock);
  take({ directory, lock, pid });
  mine.add(directory);
  return () => {
    mine.delete(directory);
    if (readOwner(lock) === pid) rmSync(lock, { force: true });
  };
}

interface Claim {
  readonly directory: string;
  readonly lock: string;
  readonly pid: number;
}

function take({ directory, lock, pid }: Claim): void {
  const own = `${lock}.${pid}`;
  writeFileSync(own, `${pid}\n`);
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      if (linked(own, lock)) return;
      const owner = readOwner(lock);
      if (owner === undefined) continue; // gone since
      if (owner === pid ? isOurs(lock) : isAlive(owner)) throw inUse(directory, owner, lock);
      takeAway(lock, { owner, pid });
    }
    throw inUse(directory, readOwner(lock) ?? 0, lock);
  } finally {
    rmSync(own, { force: true });
  }
}

/** Whole, or not at all: nobody reads a lock that is half written. */
function linked(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Of several that find the same stale lock, one moves it; whoever moved a fresh one by mistake puts it back. */
function takeAway(lock: string, { owner, pid }: { owner: number; pid: number }): void {
  const aside = `${lock}.${pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return; // another one was faster
    throw error;
  }
  if (readOwner(aside) !== owner) linked(aside, lock);
  rmSync(aside, { force: true });
}

/** 0 where it names nobody. Undefined: there is no lock. */
function readOwner(lock: string): number | undefined {
  try {
    const text = readFileSync(lock, 'utf8');
    return /^\d+\n$/u.test(text) ? Number(text) : 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Our own id in a lock older than we are is that of a predecessor: in containers ids come again. Else: a thread's. */
function isOurs(lock: string): boolean {
  const begun = systemClock.now() - process.uptime() * 1000;
  return (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= begun;
}

function isAlive(owner: number): boolean {
  if (owner === 0) return false;
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // there, and somebody else's
  }
}
