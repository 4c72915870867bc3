/** The guides to testing and to faults are true: their files are taken out of the pages as they stand, and run. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { run } from '../support/processes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The page's files: every block that is headed by a file's name. */
async function filesOf(page: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(root, page), 'utf8');
  const blocks = text.matchAll(/^```js (?<name>\S+)\n(?<code>.*?)^```$/gmsu);
  return new Map([...blocks].map(({ groups = {} }) => [groups.name ?? '', groups.code ?? '']));
}

describe('the guides to testing and to faults', function () {
  let directory: string;
  let files: ReadonlyMap<string, string>;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-guide-'));
    files = new Map([...(await filesOf('docs/testing.md')), ...(await filesOf('docs/faults.md'))]);
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    for (const [name, code] of files) await writeFile(join(directory, name), code);
  });

  after(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  it('have tests that pass with node --test', async () => {
    const names = [...files.keys()].filter((name) => name.endsWith('.test.js'));

    const output = await run('node', ['--test', '--test-reporter=tap', ...names], { cwd: directory });

    expect(names).to.have.length.greaterThan(4);
    expect(output).to.match(/^# pass [1-9]/mu);
    expect(output).to.match(/^# fail 0$/mu);
  });

  it('have tests that pass with mocha', async () => {
    const output = await run(
      'node',
      ['node_modules/mocha/bin/mocha.js', '--timeout', '60000', 'tasks.mocha.js'],
      {
        cwd: directory,
      },
    );

    expect(output).to.include('3 passing');
  });
});
