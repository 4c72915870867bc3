/** The guides for teams that have Python, celery-node or BullMQ are true: their files are taken out as they stand, and run. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { run, type Running, start } from '../support/processes.js';
import { celeryPython, requireCelery } from '../support/python.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The files of a guide in a directory of their own, and the processes that were started from them. */
class Guide implements AsyncDisposable {
  readonly #vhost: Vhost;
  readonly #directory: string;
  #running: Running[] = [];

  private constructor(vhost: Vhost, directory: string) {
    this.#vhost = vhost;
    this.#directory = directory;
  }

  static async open(page: string): Promise<Guide> {
    const text = await readFile(join(root, page), 'utf8');
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-guide-'));
    const blocks = text.matchAll(/^```(?:js|python|yaml) (?<name>\S+)\n(?<code>.*?)^```$/gmsu);
    for (const { groups } of blocks) await writeFile(join(directory, groups!.name!), groups!.code!);
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    return new Guide(await Vhost.create(), directory);
  }

  /** Resolves when a line of its output matches. */
  async start(line: RegExp, command: string, ...args: readonly string[]): Promise<void> {
    const running = start(command, args, this.#options);
    this.#running.push(running);
    await running.line(line);
  }

  /** Runs to its end; resolves with what it printed. */
  run(command: string, ...args: readonly string[]): Promise<string> {
    return run(command, args, this.#options);
  }

  get #options(): { readonly cwd: string; readonly env: NodeJS.ProcessEnv } {
    const own = { BROKER: this.#vhost.url, RESULTS: 'rpc://', PYTHONDONTWRITEBYTECODE: '1' };
    return { cwd: this.#directory, env: { ...process.env, ...own } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#running) await one.stop();
    await this.#vhost[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

describe('the guide', function () {
  before(function () {
    requireRabbit(this);
  });

  it('to Python beside Node has services that call one another', async function () {
    requireCelery(this);
    await using guide = await Guide.open('docs/python.md');
    const python = celeryPython()!;
    const celery = ['-m', 'celery', '-A', 'shop', 'worker', '--pool=prefork', '--concurrency=1'];
    await Promise.all([
      guide.start(/ ready\.$/u, python, ...celery, '--loglevel=INFO'),
      guide.start(/ connected /u, 'node', 'worker.mjs'),
    ]);

    expect(await guide.run(python, 'call.py')).to.equal('to ada@example.org: 12\n');
    expect(await guide.run('node', 'call.mjs')).to.equal('12\n');
  });

  it('from celery-node has a worker that answers its publisher', async () => {
    await using guide = await Guide.open('docs/migrating-from-celery-node.md');
    await guide.start(/ connected /u, 'node', 'after-worker.mjs');

    expect(await guide.run('node', 'after-send.mjs')).to.equal('3\n');
  });

  it('from BullMQ has a worker that answers its publisher', async () => {
    await using guide = await Guide.open('docs/migrating-from-bullmq.md');
    await guide.start(/ connected /u, 'node', 'worker.mjs');

    expect(await guide.run('node', 'send.mjs')).to.equal('to ada@example.org: 12\n');
  });
});
