import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const canary = 'c4n4ry-hunter2';

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing listens on port 1 of any machine. */
const env = {
  PATH: process.env.PATH,
  CELERIAC_EVENTS__CONNECTION_STRING: `amqp://guest:${canary}@127.0.0.1:1//`,
};

function celeriac(
  args: readonly string[],
  directory: string,
  more: Record<string, string> = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [main, ...args],
      { cwd: directory, env: { ...env, ...more } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

describe('the celeriac command', () => {
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-cli-'));
    await writeFile(
      join(directory, 'tasks.mjs'),
      'export function register(worker) { worker.task("a", () => 1); }\n',
    );
    await writeFile(join(directory, 'nothing.mjs'), 'export const other = 1;\n');
    await writeFile(join(directory, 'broken.mjs'), 'throw new Error("broken on purpose");\n');
    await writeFile(
      join(directory, 'refuses.mjs'),
      `export default function () { throw new Error('no amqp://u:${canary}@h'); }\n`,
    );
    await writeFile(
      join(directory, 'lingers.mjs'),
      'setInterval(() => undefined, 1000);\nexport function register() {}\n',
    );
    await writeFile(join(directory, 'bad.yaml'), 'task_handler:\n  concurency: 4\nlogging: {level: loud}\n');
    await writeFile(join(directory, 'good.yaml'), 'service: shop\n');
  });

  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  const worker = ['worker', '--require', './tasks.mjs'];
  const cases: readonly (readonly [what: string, args: readonly string[], code: number, shown: RegExp])[] = [
    ['an unknown command', ['workr'], 2, /Did you mean worker/u],
    ['a misspelt option', [...worker, '--queue', 'a'], 2, /Did you mean --queues/u],
    ['a stray word', [...worker, '--queues', 'a', 'b'], 2, /too many arguments/u],
    ['a list broken by the shell', [...worker, '-Q', 'a,', 'b'], 2, /--queues/u],
    ['a worker without modules', ['worker'], 2, /--require/u],
    ['a module that does not exist', ['worker', '-r', './no.mjs'], 2, /does not exist/u],
    ['a module that registers nothing', ['worker', '-r', './nothing.mjs'], 2, /register/u],
    [
      'a module that throws',
      ['worker', '-r', './broken.mjs'],
      70,
      /\.\/broken\.mjs[\s\S]*broken on purpose/u,
    ],
    [
      'a module whose register throws',
      ['worker', '-r', './refuses.mjs'],
      70,
      /\.\/refuses\.mjs[\s\S]*amqp:\/\/u:\*\*\*@h/u,
    ],
    ['a task that is registered twice', [...worker, '-r', './tasks.mjs'], 78, /ERR_TASK_DUPLICATE/u],
    [
      'a module without handlers that left a timer running',
      ['worker', '-r', './lingers.mjs', '-r', './no.mjs'],
      2,
      /no\.mjs does not exist/u,
    ],
    ['an empty list of queues', [...worker, '-Q', ''], 2, /--queues/u],
    ['a list of queues with a gap', [...worker, '-Q', 'a,,b'], 2, /--queues/u],
    ['a pool that is none', [...worker, '--pool', 'prefork'], 2, /--pool[\s\S]*processes/u],
    ['a time limit without its unit', [...worker, '--time-limit', 'soon'], 2, /--time-limit/u],
    ['a negative concurrency', [...worker, '-c', '-1'], 2, /--concurrency/u],
    ['a URL where a number is due', [...worker, '-c', `amqp://u:${canary}@h`], 2, /amqp:\/\/u:\*\*\*@h/u],
    ['a URL where a command is due', [`amqp://u:${canary}@h`], 2, /amqp:\/\/u:\*\*\*@h/u],
    [
      'a bad configuration',
      [...worker, '--config', 'bad.yaml'],
      78,
      /task_handler\.concurrency[\s\S]*logging\.level/u,
    ],
    ['config check of a bad file', ['config', 'check', 'bad.yaml'], 78, /concurency/u],
    ['config check of a missing file', ['config', 'check', 'none.yaml'], 78, /none\.yaml/u],
    ['config check of a good file', ['config', 'check', 'good.yaml'], 0, /^ok$/mu],
    ['config print', ['config', 'print', 'good.yaml'], 0, /service: shop/u],
    ['arguments that are no JSON', ['send', 'a', '--args', '['], 2, /--args takes JSON/u],
    ['sending without a broker', ['send', 'a', '--timeout', '300ms'], 69, /nothing listens/u],
    [
      'listing without a broker',
      ['applications', 'list', '--timeout', '300ms'],
      69,
      /ERR_BROKER_UNREACHABLE/u,
    ],
    [
      'publishing without a broker',
      ['publish-event', 'a.b', '--timeout', '300ms'],
      69,
      /ERR_BROKER_UNREACHABLE/u,
    ],
    ['an event that is neither', ['publish-event'], 2, /either a type/u],
    ['an event that is both', ['publish-event', 'a.b', '--object', 'deal'], 2, /either a type/u],
    [
      'an object without its id',
      ['publish-event', '--object', 'deal', '--action', 'update', '--id', '7'],
      2,
      /--object-id/u,
    ],
    ['a delay that is none', ['send', 'a', '--delay', '10 minutes'], 2, /--delay/u],
    ['an expiry that is none', ['send', 'a', '--expires', '1.2.3'], 2, /--expires/u],
    ['a plain number of seconds', ['status', '--timeout', '0.3', '--json'], 69, /ERR_BROKER_UNREACHABLE/u],
    ['a priority of 256', ['send', 'a', '--priority', '256'], 2, /from 0 to 255/u],
    ['an application that cannot be named so', ['applications', 'register', 'a b', 'x'], 2, /'a b'/u],
    ['an empty pattern', ['applications', 'register', 'a', ''], 2, /1 to 255 bytes/u],
  ];
  for (const [what, args, code, shown] of cases) {
    it(`ends with ${code} for ${what}, says so, and shows no password`, async () => {
      const ended = await celeriac(args, directory);

      expect(`${ended.stdout}${ended.stderr}`).to.match(shown);
      expect(ended.code).to.equal(code);
      expect(`${ended.stdout}${ended.stderr}`).not.to.include(canary);
    });
  }

  it('prints errors as JSON when asked', async () => {
    const { stderr } = await celeriac(['send', 'a', '--timeout', '300ms', '--json'], directory);

    const { error } = JSON.parse(stderr) as { error: { code: string } };
    expect(error.code).to.equal('ERR_BROKER_UNREACHABLE');
  });

  it('prints what commander finds as JSON too', async () => {
    const { stderr } = await celeriac(['wroker', '--json'], directory);

    const { error } = JSON.parse(stderr) as { error: { name: string; message: string } };
    expect(error.name).to.equal('UsageError');
    expect(error.message).to.match(/^unknown command 'wroker'/u);
  });

  it('masks passwords in stacks as well', async () => {
    const { stderr } = await celeriac(['worker', '-r', './refuses.mjs'], directory, { CELERIAC_DEBUG: '1' });

    expect(stderr).to.match(/refuses\.mjs:1/u);
    expect(stderr).not.to.include(canary);
  });

  it('takes an empty CELERIAC_CONFIG for none', async () => {
    const { code, stdout } = await celeriac(['config', 'print'], directory, { CELERIAC_CONFIG: '' });

    expect(code).to.equal(0);
    expect(stdout).to.include('service: null');
  });

  it('reads the file that CELERIAC_CONFIG names, unless --config names another', async () => {
    const more = { CELERIAC_CONFIG: 'bad.yaml' };

    expect((await celeriac(['config', 'print'], directory, more)).code).to.equal(78);
    expect((await celeriac(['config', 'print', 'good.yaml'], directory, more)).code).to.equal(0);
  });

  for (const command of ['status', 'cancel an-id', 'inspect ping', 'beat schedules', 'dlq list', 'top']) {
    it(`says why it has nothing to say yet: ${command}`, async () => {
      const child = spawn(process.execPath, [main, ...command.split(' ')], { cwd: directory, env });
      const [said] = (await once(child.stderr, 'data')) as [Buffer];
      child.kill();
      await once(child, 'close');

      expect(said.toString()).to.match(/^waiting for the broker: .*127\.0\.0\.1:1.*ECONNREFUSED/u);
      expect(said.toString()).not.to.include(canary);
    });
  }

  it('ends quietly when nobody reads its output', async () => {
    const child = spawn(process.execPath, [main, 'config', 'schema'], { cwd: directory, env });
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => {
      stderr += text.toString();
    });
    child.stdout.destroy();
    const [code] = (await once(child, 'close')) as [number];

    expect(stderr).to.equal('');
    expect(code).to.equal(0);
  });

  it('prints no secret with the configuration, as YAML and as JSON', async () => {
    for (const format of [[], ['--json']]) {
      const { stdout } = await celeriac(['config', 'print', ...format], directory);

      expect(stdout).to.include('amqp://guest:***@127.0.0.1:1');
      expect(stdout).not.to.include(canary);
    }
  });
});
