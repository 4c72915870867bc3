/** The runner of the tiers: its last line is what CI believes, so a failure it swallowed would be everyone's. */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { expect } from 'chai';

import { start } from '../support/processes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const deadline = 30_000;

describe('the runner of the tiers', function () {
  let workspace: string;

  beforeEach(async () => {
    workspace = await mkdtemp(join(tmpdir(), 'celeriac-tiers-'));
    await cp(join(root, 'scripts'), join(workspace, 'scripts'), { recursive: true });
    await symlink(join(root, 'node_modules'), join(workspace, 'node_modules'));
    await writeFile(join(workspace, 'empty.ts'), 'export {};');
    await writeFile(
      join(workspace, 'tsconfig.json'),
      '{ "files": ["empty.ts"], "compilerOptions": { "noEmit": true, "types": [] } }',
    );
    await writeFile(join(workspace, 'package.json'), '{ "type": "module", "private": true }');
  });

  afterEach(async () => {
    await rm(workspace, { recursive: true, force: true });
  });

  async function unitTest(name: string, code: string): Promise<void> {
    const file = join(workspace, 'packages/one/dist-test/unit', `${name}.test.js`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, code);
  }

  /** Runs two tiers, one of them without a test. */
  async function runTiers(env: NodeJS.ProcessEnv = {}): Promise<{ code: number | string; lines: string[] }> {
    const { CI: _, ...inherited } = process.env;
    const runner = start(process.execPath, ['scripts/test-tiers.mjs', 'unit', 'conformance'], {
      cwd: workspace,
      env: { ...inherited, ...env },
    });
    const code = await runner.exited;
    return { code, lines: runner.output().trimEnd().split('\n') };
  }

  it('ends with the sum of what passed and failed, and fails with it', async () => {
    await unitTest('a', `it('passes', () => {}); it('fails', () => { throw new Error('no'); });`);
    await unitTest('b', `it('passes as well', () => {}); it('is skipped', function () { this.skip(); });`);

    const { code, lines } = await runTiers();

    expect(lines.slice(-2)).to.deep.equal(['1 skipped: see SKIPPED above', '2 passed, 1 failed']);
    expect(lines).to.include('== conformance: no tests yet');
    const told = lines.indexOf('FAILED unit: fails');
    expect(lines.slice(told, told + 2)).to.deep.equal(['FAILED unit: fails', '  Error: no']);
    expect(code).to.equal(1);
  });

  it('succeeds when everything passed, and is not misled by what a test prints', async () => {
    await unitTest('a', `it('passes', () => { console.log('7 passed, 9 failed'); });`);

    const { code, lines } = await runTiers();

    expect(lines.at(-1)).to.equal('1 passed, 0 failed');
    expect(code).to.equal(0);
  });

  it('counts a skipped test as a failure in CI only', async () => {
    await unitTest('a', `it('passes', () => {}); it('is skipped', function () { this.skip(); });`);

    const { code, lines } = await runTiers({ CI: '1' });

    expect(lines.at(-1)).to.equal('1 passed, 1 failed');
    expect(code).to.equal(1);
  });

  it('kills a tier that a handle keeps alive, and counts that as a failure', async () => {
    await unitTest('a', `it('leaves a timer', () => { setInterval(() => {}, 1000); });`);

    const { code, lines } = await runTiers({ CELERIAC_TIER_DEADLINE: String(deadline) });

    expect(lines.join('\n')).to.match(/== unit: not done after .* killed/u);
    expect(lines.at(-1)).to.equal('1 passed, 1 failed');
    expect(code).to.equal(1);
  });

  it('counts a test file that does not load as a failure', async () => {
    await unitTest('a', `import 'nothing-of-that-name';`);

    const { code, lines } = await runTiers();

    expect(lines.join('\n')).to.match(/FAILED unit: ended with .*a crash/u);
    expect(lines.at(-1)).to.equal('0 passed, 1 failed');
    expect(code).to.equal(1);
  });

  it('runs no test on a build that failed', async () => {
    await unitTest('a', `it('passes', () => {});`);
    await writeFile(join(workspace, 'tsconfig.json'), '{ "files": ["missing.ts"] }');

    const { code, lines } = await runTiers();

    expect(lines).not.to.include('== unit');
    expect(lines.at(-1)).to.equal('0 passed, 1 failed');
    expect(code).to.equal(1);
  });
});
