/** Python's Celery as the other side of interop tests: its worker, its programs, what they wrote. Decides nothing. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseJson } from '@celeriac/core';

import { run, type Running, start } from './processes.js';
import { waitFor } from './wait-for.js';

const programs = fileURLToPath(new URL('../../support/python/', import.meta.url));
let found: string | null | undefined;

/** A Python that has Celery: that of `CELERIAC_PYTHON`, the system's, or the first in the path. */
export function celeryPython(): string | undefined {
  const candidates = [process.env.CELERIAC_PYTHON, '/usr/bin/python3', 'python3'];
  found ??=
    candidates.find(
      (python) => python !== undefined && spawnSync(python, ['-c', 'import celery, kombu']).status === 0,
    ) ?? null;
  return found ?? undefined;
}

/** Skips loudly without Python Celery on a laptop, fails in CI. For `before`. */
export function requireCelery(context: Mocha.Context): void {
  if (celeryPython() !== undefined) return;
  const message = 'no Python with Celery: these tests need one (pip install celery, or CELERIAC_PYTHON)';
  if (process.env.CI !== undefined) throw new Error(message);
  process.stderr.write(`\n  SKIPPED: ${message}\n`);
  context.skip();
}

/** A call that a Python program made. */
export interface PythonCall {
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
}

/** What the task `interop.record` of a Python worker saw. */
export interface PythonRecord extends PythonCall {
  readonly fields: Readonly<Record<string, unknown>>;
  /** Names of Python types. */
  readonly kinds: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly headerKinds: Readonly<Record<string, unknown>>;
  readonly priority: number;
  readonly redelivered: boolean;
  /** When it ran, seconds since the epoch. */
  readonly at: number;
}

function environment(broker: string, extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PYTHONPATH: programs,
    PYTHONDONTWRITEBYTECODE: '1',
    INTEROP_BROKER: broker,
    ...extra,
  };
}

/** How to start a program of tests/support/python. */
export function celeryProgram(
  program: string,
  broker: string,
  env: NodeJS.ProcessEnv = {},
): { readonly command: string; readonly args: readonly string[]; readonly env: NodeJS.ProcessEnv } {
  return { command: python(), args: [join(programs, program)], env: environment(broker, env) };
}

/** Runs a scenario of interop_send.py to its end; resolves with the calls it made. */
export async function pythonSends(
  broker: string,
  scenario: string,
  options: { readonly count?: number; readonly protocol?: 1 | 2 } = {},
): Promise<PythonCall[]> {
  const { count = 1, protocol = 2 } = options;
  const env = environment(broker, { INTEROP_PROTOCOL: String(protocol), INTEROP_LINES: '/dev/null' });
  const output = await run(python(), [join(programs, 'interop_send.py'), scenario, String(count)], { env });
  return lines<PythonCall>(output);
}

/** Runs signing_send.py; resolves with the calls it made. */
export async function pythonSigns(
  broker: string,
  key: { readonly id: string; readonly secret: string },
): Promise<PythonCall[]> {
  const env = { SIGNING_KEY_ID: key.id, SIGNING_SECRET: key.secret, INTEROP_LINES: '/dev/null' };
  const output = await run(python(), [join(programs, 'signing_send.py')], { env: environment(broker, env) });
  return lines<PythonCall>(output);
}

/** Pipes JSON text through a program; for those that compute something only Python knows. */
export function pythonComputes(program: 'parse_urls.py' | 'reprs.py', input: string): unknown {
  const { status, stdout, stderr } = spawnSync(python(), [join(programs, program)], {
    input,
    encoding: 'utf8',
    env: environment('memory://'),
  });
  if (status !== 0) throw new Error(`${program} ended with ${String(status)}:\n${stderr}`);
  return parseJson(stdout);
}

/**
 * Runs a scenario of canvas_calls.py to its end; resolves with what it printed. Results come through `rpc://` unless
 * the environment names another backend.
 */
export async function pythonCalls<T>(
  broker: string,
  call: readonly [scenario: string, ...args: unknown[]],
  env: NodeJS.ProcessEnv = {},
): Promise<T> {
  const [scenario, ...args] = call;
  const program = join(programs, 'canvas_calls.py');
  const output = await run(python(), [program, scenario, JSON.stringify(args)], {
    env: environment(broker, env),
  });
  return parseJson(output) as T;
}

/** How a call of a Python program ended. */
export interface PythonResult {
  readonly state: string;
  /** Those that it was told of while it waited. */
  readonly states: readonly string[];
  readonly value?: unknown;
  readonly type?: string;
  readonly module?: string;
  readonly args?: readonly unknown[];
  readonly traceback: string | null;
}

/** Calls tasks of this queue from a Python program, one after the other; resolves with what `get` gave. */
export function pythonReads(
  broker: string,
  {
    backend,
    queue,
    calls,
  }: { backend: string; queue: string; calls: readonly (readonly [string, unknown[]])[] },
): Promise<PythonResult[]> {
  const program = join(programs, 'results_app.py');
  const env = environment(broker, { INTEROP_BACKEND: backend });
  return run(python(), [program, queue, JSON.stringify(calls)], { env }).then(lines<PythonResult>);
}

export interface PythonWorkerOptions {
  /** A module of tests/support/python; its default is interop_app. */
  readonly app?: string;
  /** Of the command line. The default is a pool in the worker's own process. */
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** True: it greets other workers and listens to what they say (mingle and gossip). Default false. */
  readonly greets?: boolean;
}

/** Runs Celery's own command to its end, whatever its exit code; resolves with what it printed. */
export async function celeryCommand(broker: string, ...args: readonly string[]): Promise<string> {
  const running = start(python(), ['-m', 'celery', '-A', 'canvas_app', ...args], {
    env: environment(broker),
  });
  await running.exited;
  return running.output();
}

/** A program of tests/support/python that goes on until it is stopped. */
export function startPython(
  broker: string,
  program: readonly [file: string, ...args: string[]],
  env: NodeJS.ProcessEnv = {},
): Running {
  const [file, ...args] = program;
  const command = file.endsWith('.py') ? [join(programs, file)] : ['-m', file];
  return start(python(), [...command, ...args], { env: environment(broker, env) });
}

/** A Celery worker on the queue `celery`. */
export class PythonWorker implements AsyncDisposable {
  #running: Running;
  #directory: string;

  private constructor(running: Running, directory: string) {
    this.#running = running;
    this.#directory = directory;
  }

  /** Resolves when it consumes. */
  static async start(broker: string, options: PythonWorkerOptions = {}): Promise<PythonWorker> {
    const { app = 'interop_app', options: own = ['--pool=solo'], greets = false } = options;
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-python-'));
    const env = environment(broker, { INTEROP_LINES: join(directory, 'lines'), ...options.env });
    const alone = greets ? [] : ['--without-gossip', '--without-mingle'];
    const all = ['--loglevel=INFO', ...alone, ...own];
    const running = start(python(), ['-m', 'celery', '-A', app, 'worker', ...all], { env, cwd: directory });
    const worker = new PythonWorker(running, directory);
    await running.line(/ ready\.$/u);
    return worker;
  }

  get log(): string {
    return this.#running.output();
  }

  /** Exit code, or the signal's name. */
  get exited(): Promise<number | string> {
    return this.#running.exited;
  }

  /** A path that only this worker and its test know. */
  path(name: string): string {
    return join(this.#directory, name);
  }

  /** The power is gone: the worker and its children. */
  async kill(): Promise<void> {
    this.#running.kill('SIGKILL');
    await this.#running.exited;
  }

  async records<Line = PythonRecord>(): Promise<Line[]> {
    return lines<Line>(await this.#written());
  }

  /** Resolves with everything recorded so far, once there are that many. */
  async untilRecorded<Line = PythonRecord>(count: number): Promise<Line[]> {
    // Counted, not parsed: this is asked often, and the worker needs the processor.
    await waitFor(async () => (await this.#written()).split('\n').length > count, {
      within: 120_000,
      every: 200,
      what: `${count} records of the Python worker; its log:\n${this.log}`,
    });
    return this.records<Line>();
  }

  /** Whole lines only: the last one may be half written. */
  async #written(): Promise<string> {
    const text = await readFile(join(this.#directory, 'lines'), 'utf8').catch(() => '');
    return text.slice(0, text.lastIndexOf('\n') + 1);
  }

  /** Stops it as an operator does; what it has begun it ends. Resolves with everything it has ever recorded. */
  async stop(): Promise<PythonRecord[]> {
    await this.#running.stop();
    return this.records();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function python(): string {
  const path = celeryPython();
  if (path === undefined) throw new Error('no Python with Celery');
  return path;
}

/** Exact: Python's integers have no limit. */
function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => parseJson(line) as T);
}
