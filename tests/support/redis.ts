/** A private Redis: own port, own directory, nothing written to disk. Started and stopped by process id. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePorts } from './free-port.js';
import { run, type Running, start } from './processes.js';

const attempts = 3;

/** Skips loudly without Redis on a laptop, fails in CI. For `before`. */
export function requireRedis(context: Mocha.Context): void {
  if (spawnSync('redis-server', ['--version']).status === 0) return;
  const message = 'redis-server is not installed: these tests need one';
  if (process.env.CI !== undefined) throw new Error(message);
  process.stderr.write(`\n  SKIPPED: ${message}\n`);
  context.skip();
}

export class Redis implements AsyncDisposable {
  readonly url: string;
  #port: number;
  #running: Running;
  #directory: string;

  private constructor(port: number, running: Running, directory: string) {
    this.url = `redis://127.0.0.1:${port}/0`;
    this.#port = port;
    this.#running = running;
    this.#directory = directory;
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<Redis> {
    for (let attempt = 1; ; attempt++) {
      const [port] = (await freePorts(1)) as [number];
      const directory = await mkdtemp(join(tmpdir(), 'celeriac-redis-'));
      const running = serve(port, directory);
      const redis = new Redis(port, running, directory);
      try {
        await running.line(/Ready to accept connections/u);
        return redis;
      } catch (error) {
        await redis[Symbol.asyncDispose]();
        // A port that was free a moment ago can be taken by now.
        if (attempt === attempts || !/Address already in use/u.test(String(error))) throw error;
      }
    }
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** `CONFIG SET`. */
  async configure(name: string, value: string): Promise<void> {
    await run('redis-cli', ['-u', this.url, 'config', 'set', name, value]);
  }

  /** The server is gone, with all that it held. */
  async down(): Promise<void> {
    await this.#running.stop();
  }

  /** It is there again, at the same address and empty. Resolves when it takes connections. */
  async up(): Promise<void> {
    this.#running = serve(this.#port, this.#directory);
    await this.#running.line(/Ready to accept connections/u);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function serve(port: number, directory: string): Running {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  return start('redis-server', [...options, '--dir', directory], { cwd: directory });
}
