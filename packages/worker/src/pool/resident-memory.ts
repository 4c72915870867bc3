/** How much memory a process holds, asked from outside: one that is stuck in a loop cannot say it itself. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Bytes; undefined for a process that is gone, and where nobody can tell. Never rejects. */
export async function residentMemory(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''); // it is gone
    return fromKilobytes(/^VmRSS:\s*(\d+) kB$/mu.exec(status)?.[1]);
  }
  if (process.platform === 'win32') return undefined;
  return new Promise((resolve) => {
    execFile('ps', ['-o', 'rss=', '-p', String(pid)], (_error, output) => {
      resolve(fromKilobytes(/^\s*(\d+)/u.exec(output)?.[1]));
    });
  });
}

function fromKilobytes(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text) * 1024;
}
