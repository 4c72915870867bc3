/** Child processes of tests: output kept, lines awaited, and none left behind, also when the test run dies. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { guard, unguard } from './guardian.js';
import { waitFor } from './wait-for.js';

const END = Symbol('ended');
const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) killGroup(child, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

export interface Running {
  readonly pid: number;
  /** Standard output and error, in order of arrival. */
  readonly output: () => string;
  /** Resolves when a line of the output matches. */
  readonly line: (pattern: RegExp, within?: number) => Promise<string>;
  readonly kill: (signal?: NodeJS.Signals) => void;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** Ends it: SIGTERM, and SIGKILL after a while. Resolves when it is gone. */
  readonly stop: () => Promise<number | string>;
}

/** Starts a program in a process group of its own. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const child = spawn(command, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  alive.add(child);
  if (child.pid !== undefined) guard(child.pid);
  let output = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      output += text;
    });
  }
  const closed = new Promise((resolve) => child.once('close', resolve));
  const exited = once(child, 'exit').then(async ([code, signal]) => {
    alive.delete(child);
    if (child.pid !== undefined) unguard(child.pid);
    // Its last words may still be in the pipe; a grandchild may hold the pipe for ever.
    await Promise.race([closed, sleep(2000, undefined, { ref: false })]);
    ended = true;
    return (code ?? signal) as number | string;
  });
  const kill = (signal: NodeJS.Signals = 'SIGTERM'): void => killGroup(child, signal);
  return {
    pid: child.pid ?? 0,
    output: () => output,
    line: async (pattern, within = 120_000) => {
      const find = (): string | undefined => output.split('\n').find((one) => pattern.test(one));
      const seen = await waitFor(() => find() ?? (ended && END), { within }).catch(() => undefined);
      if (typeof seen === 'string') return seen;
      const why = seen === END ? 'it has ended' : `${within} ms went by`;
      throw new Error(`no line matches ${String(pattern)}: ${why}; output:\n${output}`);
    },
    kill,
    exited,
    stop: async () => {
      kill('SIGTERM');
      const timer = setTimeout(() => kill('SIGKILL'), 15_000);
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Runs a program to its end. Rejects when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<string> {
  const running = start(command, args, options);
  const code = await running.exited;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${running.output()}`);
  return running.output();
}
