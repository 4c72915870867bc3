/** The guide to events is true: its files are taken out of the page as they stand, and run over the embedded broker. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { loadConfig } from '@celeriac/core';
import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';
import { parse } from 'yaml';

import { run, start } from '../support/processes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the guide to events', function () {
  it('has programs that define, publish and handle, a configuration, and commands', async () => {
    await using broker = await startBroker();
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-guide-'));
    try {
      const page = await readFile(join(root, 'docs/events.md'), 'utf8');
      for (const { groups = {} } of page.matchAll(/^```js (?<name>\S+)\n(?<code>.*?)^```$/gmsu))
        await writeFile(join(directory, groups.name ?? ''), groups.code ?? '');
      const [, yaml = ''] = /^```yaml\n(.*?)^```$/msu.exec(page) ?? [];
      expect(
        (await loadConfig(parse(yaml) as object, { env: {} })).events.accepted_routing_keys,
      ).to.have.length(2);
      await writeFile(
        join(directory, 'celeriac.yaml'),
        `${yaml.trimEnd()}\n  connection_string: ${broker.url}\nlogging: { format: text }\n`,
      );
      await writeFile(join(directory, 'package.json'), '{"type":"module"}');
      await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
      const options = { cwd: directory, env: process.env };

      const worker = start('node', ['worker.js'], options);
      try {
        await worker.line(/^ready$/u);
        await run('node', ['publish.js'], options);
        for (const line of [
          'invoice for 7',
          'index new 7',
          'index update 7',
          'index delete 7',
          'gone deal 7',
          'billing.closed 2026-10',
        ])
          await worker.line(new RegExp(`^${line}$`, 'mu'));
        worker.kill('SIGTERM');
        expect(await worker.exited, worker.output()).to.equal(0);
      } finally {
        await worker.stop(); // for the case that something above failed
      }
      const celeriac = join(root, 'packages/cli/bin/celeriac.js');
      await run('node', [celeriac, 'catalogue', 'contracts.js', '-o', 'asyncapi.yaml'], options);
      expect(
        await run('node', [celeriac, 'catalogue', 'contracts.js', '--check', 'asyncapi.yaml'], options),
      ).to.equal('compatible with asyncapi.yaml\n');
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
