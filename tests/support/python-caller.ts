/** A Python program that stays and calls tasks as it is told. Decides nothing about what comes back. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { parseJson } from '@celeriac/core';

import { guard, unguard } from './guardian.js';
import { celeryProgram, type PythonResult } from './python.js';

interface Answer {
  readonly answer?: unknown;
  readonly error?: string;
  readonly text?: string;
}

/** `PythonResult`, and the names of the value's Python types. */
export interface ReadResult extends PythonResult {
  readonly kinds?: unknown;
}

export interface PythonSend {
  readonly args?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Seconds from now, and the zone's hours east of UTC; null: UTC, without an offset in the text. */
  readonly eta?: readonly [seconds: number, zone: number | null];
  /** Of `apply_async`. */
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface PythonSent {
  readonly id: string;
  /** When it is due, in seconds since the epoch; null where no `eta` was given. */
  readonly due: number | null;
}

/** An error that the Python program raised on a call; `name` is its Python class. */
export class PythonError extends Error {}

/** matrix_caller.py. What is asked is done in order; what a `get` waits for holds up what comes after it. */
export class PythonCaller implements AsyncDisposable {
  #write: (line: string) => void;
  #stop: () => Promise<void>;
  #waiting: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];

  constructor(broker: string, env: NodeJS.ProcessEnv) {
    const { command, args, env: all } = celeryProgram('matrix_caller.py', broker, env);
    const child = spawn(command, args, { env: all, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    if (child.pid !== undefined) guard(child.pid);
    let log = '';
    child.stderr.on('data', (text: Buffer) => (log += text.toString()));
    child.stdin.on('error', () => undefined); // told by its exit
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(line));
    const exited = once(child, 'exit').then(() => {
      if (child.pid !== undefined) unguard(child.pid);
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`the program has ended:\n${log}`));
    });
    this.#write = (line) => void child.stdin.write(`${line}\n`);
    this.#stop = async () => {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    };
  }

  call<T>(name: string, parameters: object = {}): Promise<T> {
    const answer = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#write(JSON.stringify({ call: name, ...parameters }));
    return answer as Promise<T>;
  }

  send(name: string, parameters: PythonSend = {}): Promise<PythonSent> {
    return this.call('send', { name, ...parameters });
  }

  /** What `AsyncResult.get` gave, or raised. */
  get({ id }: { readonly id: string }): Promise<ReadResult> {
    return this.call('get', { id });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }

  #answered(line: string): void {
    const { answer, error, text } = parseJson(line) as unknown as Answer;
    const waiting = this.#waiting.shift();
    if (error === undefined) waiting?.resolve(answer);
    else waiting?.reject(Object.assign(new PythonError(text), { name: error }));
  }
}
