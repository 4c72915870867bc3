/** The list of process groups that must not outlive this process, kept by a process that survives its SIGKILL. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./programs/guardian.js', import.meta.url));
let guardian: ChildProcessByStdio<Writable, null, null> | undefined;

/** Ends the group when this process is gone, however it went. */
export function guard(pid: number): void {
  guardian ??= spawnGuardian();
  guardian.stdin.write(`+${pid}\n`);
}

/** The group has ended: its number may be someone else's soon. */
export function unguard(pid: number): void {
  guardian?.stdin.write(`-${pid}\n`);
}

function spawnGuardian(): ChildProcessByStdio<Writable, null, null> {
  const child = spawn(process.execPath, [program], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // Neither keeps the test run from ending; the end of the pipe is what the guardian waits for.
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.stdin.on('error', () => undefined);
  return child;
}
