import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { requireRabbit, Vhost } from '../support/broker.js';
import { run, start } from '../support/processes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const names = ['core', 'publisher', 'worker', 'cli', 'dev-broker', 'testing', 'outbox'];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Record<string, string>;
}

async function manifest(directory: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** Unpacks the tarballs into an application, with what their manifests declare and nothing else beside them. */
async function install(tarballs: readonly string[], app: string): Promise<void> {
  for (const tarball of tarballs) {
    const unpacked = join(app, 'unpacked');
    await mkdir(unpacked, { recursive: true });
    await run('tar', ['-xzf', tarball, '-C', unpacked]);
    const { name, dependencies = {} } = await manifest(join(unpacked, 'package'));
    const target = join(app, 'node_modules', name);
    await mkdir(dirname(target), { recursive: true });
    await run('mv', [join(unpacked, 'package'), target]);
    for (const dependency of Object.keys(dependencies)) {
      const link = join(app, 'node_modules', dependency);
      if (dependency.startsWith('@celeriac/') || existsSync(link)) continue;
      await mkdir(dirname(link), { recursive: true });
      await symlink(installed(name, dependency), link);
    }
  }
}

/** Where npm has put it: beside the package when the workspace has another version of it at its root. */
function installed(name: string, dependency: string): string {
  const own = join(root, 'packages', name.replace('@celeriac/', ''), 'node_modules', dependency);
  return existsSync(own) ? own : join(root, 'node_modules', dependency);
}

describe('the published packages', function () {
  let app: string;
  const contents = new Map<string, string[]>();

  before(async function () {
    this.timeout(120_000);
    app = await mkdtemp(join(tmpdir(), 'celeriac-pack-'));
    const tarballs: string[] = [];
    for (const name of names) {
      const output = await run('npm', ['pack', '--json', '--pack-destination', app], {
        cwd: join(root, 'packages', name),
        env: { ...process.env, npm_config_loglevel: 'silent' },
      });
      const [packed] = JSON.parse(output) as [{ filename: string; files: { path: string }[] }];
      contents.set(
        name,
        packed.files.map(({ path }) => path),
      );
      tarballs.push(join(app, packed.filename));
    }
    await install(tarballs, app);
  });

  after(async () => {
    await rm(app, { recursive: true, force: true });
  });

  for (const name of names) {
    it(`${name} holds its code, types, licence and README, and neither sources nor tests`, () => {
      const files = contents.get(name) ?? [];

      expect(files).to.include.members([
        'package.json',
        'LICENSE',
        'README.md',
        'dist/index.js',
        'dist/index.d.ts',
      ]);
      expect(files.filter((path) => /test|\.map$|tsbuildinfo|^src/u.test(path))).to.deep.equal([]);
    });
  }

  it('depend on one another in exactly their own version', async () => {
    for (const name of names) {
      const { version, dependencies = {} } = await manifest(join(root, 'packages', name));
      for (const [dependency, wanted] of Object.entries(dependencies)) {
        if (dependency.startsWith('@celeriac/')) expect(`${name}: ${wanted}`).to.equal(`${name}: ${version}`);
      }
    }
  });

  it('load with nothing but their declared dependencies', async () => {
    const code = names.map((name) => `await import('@celeriac/${name}');`).join('');

    await run('node', ['--input-type=module', '--eval', code], { cwd: app });
  });

  it('load the publisher without the worker, the validator and the YAML reader', async () => {
    const hook =
      'export async function load(url, context, next) { process._rawDebug(url); return next(url, context); }';
    const register = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(hook)}');`;
    const listing = [
      '--import',
      `data:text/javascript,${encodeURIComponent(register)}`,
      '--input-type=module',
    ];
    const loaded = await run('node', [...listing, '--eval', "await import('@celeriac/publisher');"], {
      cwd: app,
    });

    expect(loaded).to.include('/amqplib/').and.include('/publisher/dist/');
    expect(loaded).not.to.match(/node_modules\/(ajv|yaml|@celeriac\/(worker|dev-broker))\//u);
  });

  it('give the command its version', async () => {
    const { version } = await manifest(join(root, 'packages/cli'));

    const output = await run('node', ['node_modules/@celeriac/cli/dist/main.js', '--version'], { cwd: app });

    expect(output.trim()).to.equal(version);
  });

  it('have type declarations a strict program compiles against', async () => {
    const program = `
      import { createPublisher, defineTask } from '@celeriac/publisher';
      import { createWorker } from '@celeriac/worker';
      const add = defineTask({ name: 'add', input: { type: 'object', properties: { a: { type: 'number' } }, required: ['a'] } });
      const publisher = await createPublisher();
      await publisher.send(add, { a: 1 });
      // @ts-expect-error -- a is a number
      await publisher.send(add, { a: 'one' });
      createWorker().task(add, ({ a }) => a.toFixed());
    `;
    await writeFile(join(app, 'program.mts'), program);
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    await symlink(join(root, 'node_modules/@types'), join(app, 'node_modules/@types'));

    await run(join(root, 'node_modules/.bin/tsc'), [...options, '--skipLibCheck', 'program.mts'], {
      cwd: app,
    });
  });

  it('run tasks over memory://, without any server', async () => {
    const code = `
      import { createPublisher } from '@celeriac/publisher';
      import { createWorker } from '@celeriac/worker';
      const options = { config: { events: { connection_string: 'memory://' } } };
      const worker = createWorker(options);
      const done = new Promise((resolve) => worker.task('math.add', (a, b) => resolve(a + b)));
      await worker.start();
      const publisher = await createPublisher(options);
      await publisher.send('math.add', [2, 3]);
      console.log('the sum is', await done);
      await worker.stop();
      await publisher.close();
    `;

    const output = await run('node', ['--input-type=module', '--eval', code], { cwd: app });

    expect(output).to.include('the sum is 5');
  });

  it('say what to install where memory:// finds no broker', async () => {
    const [broker, away] = ['dev-broker', 'away'].map((name) => join(app, 'node_modules/@celeriac', name));
    await rename(broker as string, away as string);
    try {
      const code = `
        import { createPublisher } from '@celeriac/publisher';
        await createPublisher({ config: { events: { connection_string: 'memory://' } } })
          .catch(({ code, message }) => console.log(code, message));
      `;

      const output = await run('node', ['--input-type=module', '--eval', code], { cwd: app });

      expect(output)
        .to.include('ERR_EMBEDDED_BROKER')
        .and.include('npm install --save-dev @celeriac/dev-broker');
    } finally {
      await rename(away as string, broker as string);
    }
  });

  it('run a worker that gets a task through the command line', async function () {
    requireRabbit(this);
    await using vhost = await Vhost.create();
    await writeFile(join(app, 'celeriac.yaml'), `events:\n  connection_string: ${vhost.url}\n`);
    await writeFile(
      join(app, 'tasks.mjs'),
      `export function register(worker) { worker.task('math.add', (a, b) => console.log('the sum is', a + b)); }\n`,
    );
    const cli = 'node_modules/@celeriac/cli/dist/main.js';
    const worker = start('node', [cli, 'worker', '--config', 'celeriac.yaml', '--require', './tasks.mjs'], {
      cwd: app,
    });
    try {
      await run('node', [cli, 'send', 'math.add', '--args', '[2, 3]', '--config', 'celeriac.yaml'], {
        cwd: app,
      });

      await worker.line(/the sum is 5/u);

      expect(await worker.stop(), worker.output()).to.equal(0);
    } finally {
      await worker.stop(); // for the case that something above failed: that is the failure to show
    }
  });

  for (const language of ['typescript', 'javascript'] as const) {
    it(`write a ${language} project whose test passes, and whose worker does what its sender asks for`, async () => {
      const bin = join(app, 'node_modules/.bin');
      await mkdir(bin, { recursive: true });
      const types = join(app, 'node_modules/@types');
      if (!existsSync(types)) await symlink(join(root, 'node_modules/@types'), types);
      // As npm links it; the compiler is the workspace's.
      if (!existsSync(join(bin, 'celeriac')))
        await symlink('../@celeriac/cli/bin/celeriac.js', join(bin, 'celeriac'));
      const PATH = [bin, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
      const env: NodeJS.ProcessEnv = {
        ...process.env,
        PATH,
        XDG_RUNTIME_DIR: app,
        npm_config_loglevel: 'silent',
      };
      delete env.CELERIAC_EVENTS__CONNECTION_STRING;
      const options = language === 'javascript' ? ['--javascript'] : [];
      await run('celeriac', ['init', language, ...options], { cwd: app, env });
      const cwd = join(app, language);

      expect(await run('npm', ['test'], { cwd, env }))
        .to.match(/^# pass 2$/mu)
        .and.match(/^# fail 0$/mu);
      const dev = start('npm', ['run', 'dev', '--', '--port', '0'], { cwd, env });
      try {
        await dev.line(/^ready, press Ctrl-C/u);

        // Its script would compile once more.
        const sent =
          language === 'typescript'
            ? await run('node', ['dist/src/send.js'], { cwd, env })
            : await run('npm', ['run', 'send'], { cwd, env });

        expect(sent).to.include("returned { receipt: 'receipt-7' }");
        await dev.line(/mailing the customer/u);
      } finally {
        await dev.stop();
      }
    });
  }

  it('leave nothing in the application directory that an installation would not', async () => {
    expect(await readdir(join(app, 'node_modules/@celeriac'))).to.deep.equal([...names].sort());
  });
});
