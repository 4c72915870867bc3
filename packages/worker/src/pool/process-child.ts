/**
 * A child process, and a channel to it. It shares standard output and error with the worker; signals of the terminal
 * are the worker's to handle, and it dies with the worker.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Child, ChildEnd } from './child.js';
import type { FromChild } from './protocol.js';
import { residentMemory } from './resident-memory.js';

const entry = fileURLToPath(new URL('./inside/process-entry.js', import.meta.url));
const mebibyte = 2 ** 20;

export function startProcess({ maxMemory }: { readonly maxMemory: number | undefined }): Child {
  const heap = maxMemory === undefined ? [] : [`--max-old-space-size=${Math.ceil(maxMemory / mebibyte)}`];
  const child = fork(entry, [String(process.pid)], {
    serialization: 'advanced',
    execArgv: [...inheritedOptions(process.execArgv), ...heap],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = endOf(child, maxMemory !== undefined);
  return {
    id: child.pid ?? 0,
    send: (message) => {
      // It may be gone already: `ended` tells.
      if (child.connected) child.send(message, () => undefined);
    },
    listen: (listener) => void child.on('message', (message) => listener(message as FromChild)),
    ended,
    kill: () => void child.kill('SIGKILL'),
    memory: () => (child.pid === undefined ? Promise.resolve(undefined) : residentMemory(child.pid)),
  };
}

const evaluating: ReadonlySet<string | undefined> = new Set(['-e', '--eval', '-p', '--print', '-pe']);

/** The options of Node that make sense for a child: loaders do; an inspector's port, or a program to evaluate, do not. */
export function inheritedOptions(options: readonly string[]): readonly string[] {
  return options.filter(
    (option, index) =>
      !/^--(?:inspect|input-type)/u.test(option) &&
      !evaluating.has(option) &&
      !evaluating.has(options[index - 1]),
  );
}

/** Its last messages may be in the channel still when it has ended. */
function endOf(child: ChildProcess, isLimited: boolean): Promise<ChildEnd> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid === undefined) resolve({ code: null, signal: null, isOutOfMemory: false, error });
    });
    child.once('exit', (code, signal) => {
      // V8 aborts when the heap it was given is full.
      const end = { code, signal, isOutOfMemory: isLimited && signal === 'SIGABRT' };
      if (child.connected) child.once('disconnect', () => resolve(end));
      else resolve(end);
    });
  });
}
