/** Which modules `celeriac dev` takes, which changes it sees, and what `celeriac init` writes. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { systemClock } from '@celeriac/core';
import { expect } from 'chai';

import { devModules, directoriesOf } from '../../dist/dev/modules.js';
import { SourceWatch } from '../../dist/dev/watch.js';
import { UsageError } from '../../dist/exit-codes.js';
import { packageName, projectFiles } from '../../dist/init/files.js';
import { runCommand } from '../../dist/program.js';

describe('the modules of dev', () => {
  const only = (...paths: string[]) => ({
    imports: [],
    canStripTypes: false,
    exists: (path: string) => paths.map((one) => resolve(one)).includes(path),
  });

  it('are those that are named, else the first of the usual ones', () => {
    expect(devModules({ ...only('a.js', 'tasks.js'), named: ['a.js'] })).to.deep.equal(['a.js']);
    expect(devModules({ ...only('tasks.js', 'src/tasks.js'), named: [] })).to.deep.equal(['src/tasks.js']);
    expect(() => devModules({ ...only(), named: [] })).to.throw(UsageError, 'dist/src/tasks.js');
    expect(() => devModules({ ...only(), named: ['no.js'] })).to.throw(UsageError, 'no.js does not exist');
  });

  it('may be TypeScript only where something can load it', () => {
    const typed = { ...only('tasks.ts'), named: ['tasks.ts'] };
    expect(() => devModules(typed)).to.throw(UsageError, '--import tsx');
    expect(devModules({ ...typed, imports: ['tsx'] })).to.deep.equal(['tasks.ts']);
    expect(devModules({ ...typed, canStripTypes: true })).to.deep.equal(['tasks.ts']);
  });

  it('are watched by the directories they are in, without those inside of others', () => {
    const found = directoriesOf(['src/tasks.js', 'src/more/tasks.js', 'srcs/tasks.js']);
    expect(found).to.deep.equal([resolve('src'), resolve('srcs')]);
  });
});

describe('source watch', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-watch-'));
    await mkdir(join(directory, 'node_modules', 'x'), { recursive: true });
    await mkdir(join(directory, 'lib'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('tells of sources and of the files it was given, in new directories too, and of nothing else', async () => {
    const seen: string[] = [];
    let told = (): void => undefined;
    const config = join(directory, 'celeriac.yaml');
    using _watch = new SourceWatch({
      ...{ directories: [directory], files: [config], clock: systemClock },
      changed: (paths) => {
        seen.push(...paths);
        told();
      },
      failed: (error) => seen.push(String(error)),
    });
    const next = (): Promise<void> => new Promise((done) => (told = done));

    const first = next();
    await writeFile(join(directory, 'node_modules', 'x', 'index.js'), '');
    await writeFile(join(directory, 'data.json'), '');
    await writeFile(join(directory, 'lib', 'a.mjs'), '');
    await writeFile(config, '');
    await first;
    const second = next();
    await mkdir(join(directory, 'later'));
    await writeFile(join(directory, 'later', 'b.ts'), '');
    await second;

    const names = [...new Set(seen)].map((path) => path.slice(directory.length + 1)).sort();
    expect(names).to.deep.equal(['celeriac.yaml', join('later', 'b.ts'), join('lib', 'a.mjs')].sort());
  });
});

describe('init', () => {
  it('gives npm a name it takes', () => {
    expect(packageName('My Service!')).to.equal('my-service');
    expect(packageName('.hidden')).to.equal('hidden');
    expect(packageName('å')).to.equal('my-service');
  });

  it('pins the packages to its own version, and writes the language it was asked for', () => {
    const files = projectFiles({ name: 'x', language: 'javascript', version: '9.9.9' });
    expect([...files.keys()])
      .to.include('src/tasks.js')
      .and.not.include('tsconfig.json');
    const { dependencies } = JSON.parse(files.get('package.json') ?? '') as { dependencies: object };
    expect(dependencies).to.deep.equal({
      '@celeriac/cli': '9.9.9',
      '@celeriac/publisher': '9.9.9',
      '@celeriac/worker': '9.9.9',
    });
  });

  it('overwrites nothing, and writes nothing beside what is there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-init-'));
    try {
      await writeFile(join(directory, 'README.md'), 'mine');

      expect(await runCommand(['init', directory, '--json'])).to.equal(2);

      expect(await readFile(join(directory, 'README.md'), 'utf8')).to.equal('mine');
      expect(await readFile(join(directory, 'package.json'), 'utf8').catch(() => 'none')).to.equal('none');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
