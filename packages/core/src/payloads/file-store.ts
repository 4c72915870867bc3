/**
 * A payload store in a directory that publishers and workers share: a volume, a network file system. Files are named
 * after their content, so the same body is kept once, and a name from a message cannot lead elsewhere.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '../clock.js';
import { type Duration, parseDuration } from '../config/duration.js';
import type { PayloadStore } from './store.js';

export interface FilePayloadStore extends PayloadStore {
  /** Deletes what was put, or put again, longer ago than this. Resolves with how many. Run it once, not per worker. */
  sweep(olderThan: Duration): Promise<number>;
}

const namePattern = /^[0-9a-f]{64}$/u;

/** The directory is made when it is first needed. */
export function filePayloadStore(directory: string): FilePayloadStore {
  return {
    put: async (bytes, { sha256 }) => {
      await keep(join(directory, sha256.slice(0, 2)), sha256, bytes);
      return sha256;
    },
    get: async (reference, { maxBytes, signal }) => {
      if (!namePattern.test(reference)) throw new Error('its reference is not one of this store');
      const path = join(directory, reference.slice(0, 2), reference);
      const { size } = await stat(path);
      if (size > maxBytes) throw new Error(`its file has ${size} bytes, more than ${maxBytes}`);
      return readFile(path, { signal });
    },
    sweep: (olderThan) => sweep(directory, systemClock.now() - parseDuration(olderThan) * 1000),
  };
}

/** Complete and on the disk before it has its name, and the name before it is told. */
async function keep(directory: string, name: string, bytes: Buffer): Promise<void> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const now = new Date();
  // Put again: it has to stay for as long as the new message.
  if (await touched(path, { now, bytes: bytes.length })) return;
  const temporary = join(directory, `.${name}.${randomUUID()}`);
  try {
    const file = await open(temporary, 'wx', 0o640);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await synced(directory);
  await synced(join(directory, '..'));
}

async function touched(path: string, { now, bytes }: { now: Date; bytes: number }): Promise<boolean> {
  try {
    if ((await stat(path)).size !== bytes) return false;
    await utimes(path, now, now);
    return true;
  } catch {
    return false; // it is not there yet
  }
}

async function synced(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function sweep(directory: string, before: number): Promise<number> {
  let count = 0;
  for (const folder of await namesIn(directory)) {
    for (const name of await namesIn(join(directory, folder))) {
      const path = join(directory, folder, name);
      const { mtimeMs } = await stat(path);
      if (mtimeMs >= before) continue;
      await rm(path, { force: true });
      count++;
    }
  }
  return count;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
