/** The guide to the outbox is true: its files are taken out of the page as they stand, and run. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { startBroker } from '@celeriac/dev-broker';
import { expect } from 'chai';
import pg from 'pg';

import { Postgres, requirePostgres } from '../support/postgres.js';
import { run, type Running, start } from '../support/processes.js';
import { waitFor } from '../support/wait-for.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the guide to the outbox', function () {
  before(function () {
    requirePostgres(this);
  });

  it('has programs that write, relay and handle', async () => {
    await using postgres = await Postgres.start();
    await using broker = await startBroker();
    const directory = await mkdtemp(join(tmpdir(), 'celeriac-guide-'));
    const running: Running[] = [];
    try {
      const page = await readFile(join(root, 'docs/outbox.md'), 'utf8');
      for (const { groups = {} } of page.matchAll(/^```js (?<name>\S+)\n(?<code>.*?)^```$/gmsu))
        await writeFile(join(directory, groups.name ?? ''), groups.code ?? '');
      await writeFile(join(directory, 'package.json'), '{"type":"module"}');
      await writeFile(join(directory, 'celeriac.yaml'), `events:\n  connection_string: ${broker.url}\n`);
      await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
      const options = {
        cwd: directory,
        env: { ...process.env, DATABASE_URL: postgres.connectionString },
      };

      for (let time = 0; time < 2; time++) await run('node', ['migrate.js'], options);
      const written = await run('node', ['web.js'], options);
      for (const name of ['relay.js', 'worker.js']) running.push(start('node', [name], options));
      const [relay, worker] = running as [Running, Running];
      const [, id] = /^committed (.*)$/mu.exec(written) ?? [];
      await relay.line(new RegExp(`published id=${id}`, 'u'));
      await worker.line(/^paid 7$/u);

      const client = new pg.Client(postgres.connectionString);
      await client.connect();
      const count = async (sql: string): Promise<number> => (await client.query(sql)).rows.length;
      await waitFor(async () => (await count('SELECT 1 FROM orders WHERE paid')) === 1);
      await waitFor(async () => (await count('SELECT 1 FROM celeriac_outbox')) === 0);
      expect(await count(`SELECT 1 FROM celeriac_inbox WHERE message_id = '${id}'`)).to.equal(1);
      await client.end();
      for (const one of running) {
        one.kill('SIGTERM');
        expect(await one.exited, one.output()).to.equal(0);
      }
    } finally {
      for (const one of running) await one.stop(); // for the case that something above failed
      await rm(directory, { recursive: true, force: true });
    }
  });
});
