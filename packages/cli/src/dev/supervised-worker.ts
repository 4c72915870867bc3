/**
 * One worker process after the other: started, ended and started again when told. One that ends by itself is not
 * started again: the next change may mend it. Knows nothing of files and brokers.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

import { type Clock, waitAtMost } from '@celeriac/core';

import { supervisorVariable } from './end-with-supervisor.js';

export interface SupervisedWorkerOptions {
  /** Of Node.js: its own options, the script, and the script's arguments. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** It ended though nobody told it to: exit code, or the name of a signal. */
  readonly ended: (how: number | string) => void;
  /** It has work in hand that takes longer than `graceMs`: it is ended, and the broker delivers that work again. */
  readonly overdue: () => void;
}

/** A person waits for the new code. */
const graceMs = 5_000;
/** After it was told a second time, which it heeds at once unless its own code keeps it from that. */
const lastMs = 2_000;

export class SupervisedWorker {
  #options: SupervisedWorkerOptions;
  #child: ChildProcess | undefined;
  #ending: ChildProcess | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: SupervisedWorkerOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { args, env, ended } = this.#options;
    // A group of its own: Ctrl-C is for us, and we tell it once.
    const child = spawn(process.execPath, args, {
      env: { ...env, [supervisorVariable]: String(process.pid) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: process.platform !== 'win32',
    });
    this.#child = child;
    const end = (how: number | string): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      ended(how);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(code ?? signal ?? 0));
  }

  /** Ends the one that runs, if any, and starts another. Calls take turns. */
  restart(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      if (!this.#isStopped) this.start();
    });
  }

  /** For good. */
  stop(): Promise<void> {
    this.#isStopped = true;
    return this.#next(() => this.#end());
  }

  /** At once, whatever it does. */
  kill(): void {
    for (const child of [this.#child, this.#ending]) child?.kill('SIGKILL');
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(step);
    return this.#turn;
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined; // from here on its end is wanted
    const { clock, overdue } = this.#options;
    this.#ending = child;
    const gone = once(child, 'exit');
    const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGTERM');
    await waitAtMost(clock, graceMs, gone);
    if (!isGone()) {
      overdue();
      child.kill('SIGTERM');
      await waitAtMost(clock, lastMs, gone);
    }
    if (!isGone()) {
      child.kill('SIGKILL');
      await gone;
    }
    this.#ending = undefined;
  }
}
