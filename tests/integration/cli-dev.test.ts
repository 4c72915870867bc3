/** `celeriac dev`: a broker that stays, and a worker that is started again on changes; nothing of it is left behind. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createPublisher, type Publisher } from '@celeriac/publisher';
import { expect } from 'chai';

import { type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const main = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url));

const answering = (answer: string): string =>
  `import { says } from './lib/says.mjs';
   export function register(worker) { worker.task('ask', () => says(process.pid + ' ${answer}')); }\n`;

describe('celeriac dev', () => {
  let directory = '';
  let env: NodeJS.ProcessEnv = {};

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-dev-'));
    env = { PATH: process.env.PATH, XDG_RUNTIME_DIR: directory };
    await mkdir(join(directory, 'app', 'lib'), { recursive: true });
    await write('lib/says.mjs', 'export const says = (text) => text;\n');
    await write('tasks.mjs', answering('one'));
    await write('celeriac.yaml', 'tasks: { result_backend: "rpc://" }\n');
  });

  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  function write(path: string, text: string): Promise<void> {
    return writeFile(join(directory, 'app', path), text);
  }

  function dev(...args: string[]): Running {
    const all = [main, 'dev', './tasks.mjs', '--port', '0', ...args];
    return start(process.execPath, all, { cwd: join(directory, 'app'), env });
  }

  function openPublisher(): Promise<Publisher> {
    const config = { tasks: { result_backend: 'rpc://' } };
    return createPublisher({ config, env: { XDG_RUNTIME_DIR: directory } });
  }

  /** As often as the worker has said that it is ready. */
  function ready(running: Running, times: number): Promise<unknown> {
    const count = (): number => running.output().match(/^ready, press/gmu)?.length ?? 0;
    return waitFor(() => count() >= times, { within: 60_000, what: running.output() });
  }

  function isAlive(pid: number): boolean {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  }

  it('runs the new code after a change, says why there is none, and keeps what waits meanwhile', async () => {
    const running = dev();
    await running.line(/^ {2}broker +amqp:\/\/guest@127\.0\.0\.1:\d+\/\/$/u);
    await ready(running, 1);
    await using publisher = await openPublisher();
    const ask = async (): Promise<string> =>
      String(await (await publisher.send('ask')).result({ timeout: '60s' }));
    const first = await ask();
    expect(first).to.match(/^\d+ one$/u);

    await write('tasks.mjs', 'broken(\n');
    await running.line(/^dev: tasks\.mjs changed/u);
    await running.line(/^error: The module '\.\/tasks\.mjs' cannot be loaded/u);
    await running.line(/^dev: the worker ended with exit code 70; waiting for a change$/u);
    const waiting = ask(); // there is nobody to answer it yet
    await write('tasks.mjs', answering('two'));
    await ready(running, 2);
    expect(await waiting).to.match(/ two$/u);

    await write('lib/says.mjs', 'export const says = (text) => text + "!";\n');
    await ready(running, 3);
    const last = await ask();
    expect(last).to.match(/^\d+ two!$/u);
    expect(running.output()).not.to.include('beat has no schedules');

    process.kill(running.pid, 'SIGINT');
    expect(await running.exited, running.output()).to.equal(0);
    const pids = [first, last].map((text) => Number.parseInt(text, 10));
    expect(pids.map(isAlive)).to.deep.equal([false, false]);
  });

  it('takes its worker with it when it is killed', async () => {
    const running = dev('--json');
    await running.line(/"message":"ready"/u);
    await using publisher = await openPublisher();
    const answer = String(await (await publisher.send('ask')).result({ timeout: '60s' }));
    await publisher.close();

    process.kill(running.pid, 'SIGKILL');

    await running.exited;
    await waitFor(() => !isAlive(Number.parseInt(answer, 10)), { what: 'the worker to end' });
    const [begun] = running.output().split('\n');
    expect(JSON.parse(begun ?? '')).to.include({ dev: 'begun', isFound: true });
  });
});
