/** The catalogue of events: a valid AsyncAPI document, what two of them differ in, and the command's exit codes. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defineEvent, defineEvents, defineTask, loadConfig, loadValidator } from '@celeriac/core';
import { expect } from 'chai';
import { parse } from 'yaml';
import { z } from 'zod';

import { catalogueChanges } from '../../dist/catalogue/compatibility.js';
import { type Catalogue, catalogueOf } from '../../dist/catalogue/document.js';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** The command as a process of its own. */
function celeriac(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'catalogue', ...args], { env: {} }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const info = { title: 'shop', version: '2.0.0' };
const values = {
  $id: 'https://example.com/deal.json',
  type: 'object',
  properties: { name: { $ref: '#/$defs/name' } },
  required: ['name'],
  $defs: { name: { type: 'string', maxLength: 80 } },
} as const;

async function catalogue(...contracts: Parameters<typeof catalogueOf>[0]): Promise<Catalogue> {
  return catalogueOf(contracts, await loadConfig({}, { env: {} }), info);
}

/** By the official JSON Schema of AsyncAPI 3.0.0. */
async function problems(document: unknown): Promise<unknown> {
  const file = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');
  const input = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  const checked = await (await loadValidator()).checkInput(defineTask({ name: 'asyncapi', input }), document);
  return checked.ok ? null : checked.error.message;
}

describe('the catalogue of events', () => {
  const deal = defineEvents({ object: 'deal', values, dataSchema: 'https://example.com/deal.json' });
  const visit = defineEvent({
    object: 'visite-privée',
    action: 'new',
    values: z.object({ at: z.string().transform((at) => new Date(at)), note: z.string().optional() }),
  });
  const free = defineEvent({ object: 'note', action: 'update' });

  it('is a valid AsyncAPI 3 document', async () => {
    const document = await catalogue(deal.created, deal.updated, deal.deleted, visit, free);

    expect(await problems(document)).to.equal(null);
    expect(await problems({ ...document, channels: { a: { address: 7 } } })).not.to.equal(null);
  });

  it('holds address, exchange and the shape of each event, a schema once, its references led along', async () => {
    const { channels, components } = await catalogue(deal.updated, deal.deleted, visit);

    expect(channels['deal.update']).to.deep.include({ address: 'core.limeobject.deal.update.v1' });
    expect(JSON.stringify(channels['deal.update'])).to.include('"name":"celeriac.events"');
    expect(Object.keys(components.schemas)).to.deep.equal(['deal', 'visite-priv-e9-e']);
    expect(components.schemas.deal).to.deep.include({
      properties: { name: { $ref: '#/components/schemas/deal/$defs/name' } },
    });
    expect(components.schemas['visite-priv-e9-e']).to.deep.include({ required: ['at'] });
    const data = (key: string): unknown => {
      const { payload } = components.messages[key] as {
        payload: { properties: { data: { required: unknown } } };
      };
      return payload.properties.data.required;
    };
    expect(data('deal.update')).to.deep.equal(['id', 'values']);
    expect(data('deal.delete')).to.deep.equal(['id']);
  });

  it('differs by events, not by their places in the document', async () => {
    const narrower = defineEvents({
      object: 'deal',
      values: { ...values, $defs: { name: { type: 'string', maxLength: 40 } } },
    });
    const before = await catalogue(deal.created, deal.deleted, free);
    const after = await catalogue(visit, narrower.created, free);

    expect(catalogueChanges(before, before)).to.deep.equal([]);
    expect(
      catalogueChanges(before, after).map(({ event, path, what, breaks }) => [event, path, what, breaks]),
    ).to.deep.equal([
      ['core.limeobject.deal.delete.v1', undefined, 'is gone', ['backward', 'forward']],
      ['core.limeobject.deal.new.v1', 'data.values.name', 'has maxLength 40, before 80', ['backward']],
      ['core.limeobject.deal.new.v1', 'dataschema', 'is gone', ['forward']],
      ['core.limeobject.visite-privée.new.v1', undefined, 'is new', []],
    ]);
  });

  it('of the examples is the one that is kept', async () => {
    const file = join(root, 'examples/asyncapi.yaml');
    const config = join(root, 'examples/celeriac.yaml');
    const contracts = join(root, 'examples/dist/contracts.js');
    const { code, stdout } = await celeriac(contracts, '--title', 'Airports', '--config', config);

    expect(code).to.equal(0);
    const document: unknown = parse(stdout);
    expect(document, 'celeriac catalogue … -o examples/asyncapi.yaml').to.deep.equal(
      parse(await readFile(file, 'utf8')),
    );
    expect(await problems(document)).to.equal(null);
  });
});

describe('celeriac catalogue', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'celeriac-catalogue-'));
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    await writeFile(join(directory, 'package.json'), '{"type":"module"}');
    const module = (properties: string): string =>
      `import { defineEvents } from '@celeriac/core';
       export const events = { deal: defineEvents({ object: 'deal', values: { type: 'object', properties: { ${properties} } } }) };\n`;
    await writeFile(join(directory, 'one.js'), module('a: {}, b: {}'));
    await writeFile(join(directory, 'more.js'), module('a: {}, b: {}, c: {}'));
    await writeFile(join(directory, 'less.js'), module('a: {}'));
    await writeFile(join(directory, 'narrow.js'), module("a: {}, b: { type: 'string' }"));
    await writeFile(join(directory, 'none.js'), 'export const a = 1;\n');
    await writeFile(join(directory, 'broken.js'), 'throw new Error("on purpose");\n');
    await writeFile(join(directory, 'other.yaml'), 'openapi: 3.0.0\n');
    await writeFile(join(directory, 'config.yaml'), '{}\n');
    await run('one.js', '-o', at('one.yaml'));
  });
  after(() => rm(directory, { recursive: true, force: true }));
  const at = (name: string): string => join(directory, name);
  const run = (module: string, ...args: string[]) =>
    celeriac(at(module), '--config', at('config.yaml'), ...args);

  it('passes what is compatible, and names what is new', async () => {
    const { code, stdout } = await run('more.js', '--check', at('one.yaml'));

    expect([code, stdout.split('\n').length]).to.deep.equal([0, 6]);
    expect(stdout).to.match(/^fine +core\.limeobject\.deal\.delete\.v1: data\.values\.c is new$/mu);
  });

  it('ends with 1 for what is gone, event by event', async () => {
    const { code, stdout } = await run('less.js', '--check', at('one.yaml'));

    expect(code).to.equal(1);
    expect(stdout).to.match(
      /^breaks +core\.limeobject\.deal\.new\.v1: data\.values\.b is gone \(old consumers/mu,
    );
    expect(stdout).to.match(/4 of 4 changes/u);
  });

  it('may look in one direction only', async () => {
    const check = ['--check', at('one.yaml'), '--compatibility'];
    expect((await run('narrow.js', ...check, 'full')).code).to.equal(1);
    expect((await run('narrow.js', ...check, 'backward')).code).to.equal(1);
    expect((await run('narrow.js', ...check, 'forward')).code).to.equal(0);
  });

  it('says as JSON what it says as text', async () => {
    const { stdout } = await run('less.js', '--check', at('one.yaml'), '--json');
    expect(JSON.parse(stdout)).to.deep.include({ compatible: false });
    expect(JSON.parse((await run('one.js', '--json')).stdout)).to.include({ asyncapi: '3.0.0' });
  });

  for (const [what, args, code, shown] of [
    ['a module that is not there', ['no.js'], 2, /does not exist/u],
    ['a module without events', ['none.js'], 2, /exports no event/u],
    ['a module that throws', ['broken.js'], 70, /on purpose/u],
    ['an earlier document that is not there', ['one.js', '--check', '/nowhere/a.yaml'], 2, /ENOENT/u],
    ['an earlier document of another kind', ['one.js', '--check', 'other.yaml'], 2, /AsyncAPI 3/u],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const [module, ...more] = args;
      const ended = await run(module, ...more.map((one) => (one === 'other.yaml' ? at(one) : one)));
      expect([ended.code, shown.test(ended.stderr)], ended.stderr).to.deep.equal([code, true]);
    });
  }
});
