/**
 * `celeriac catalogue`: the events that modules define, as an AsyncAPI document; and whether consumers and messages of
 * an earlier one get along with it. Never connects.
 */
import { readFile, writeFile } from 'node:fs/promises';

import { errorText } from '@celeriac/core';
import { Command } from 'commander';

import { eventsOf } from '../catalogue/collect.js';
import { catalogueChanges, type CatalogueChange } from '../catalogue/compatibility.js';
import { catalogueOf } from '../catalogue/document.js';
import type { Direction } from '../catalogue/keyword-changes.js';
import { exitCodes, UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { oneOf } from '../parse.js';
import { type ConfigOption, settings } from '../settings.js';
import { printableLines } from '../text.js';

const compatibilities = ['full', 'backward', 'forward'] as const;

interface CatalogueOptions extends ConfigOption {
  readonly title?: string;
  readonly apiVersion: string;
  readonly output?: string;
  readonly check?: string;
  readonly compatibility: (typeof compatibilities)[number];
  readonly json?: boolean;
}

export function catalogueCommand(finish: (code: number) => void): Command {
  return new Command('catalogue')
    .description(
      'the events that modules define, as an AsyncAPI document; or whether they are compatible with it',
    )
    .argument('<modules...>', 'compiled modules that export what defineEvent and defineEvents returned')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--title <text>', 'title of the document; default the configured service')
    .option('--api-version <version>', 'version of the document', '1.0.0')
    .option('-o, --output <file>', 'write it there; as JSON where the name ends so')
    .option('--check <file>', 'compare with an earlier document: 1 when a change is not compatible')
    .option(
      '--compatibility <which>',
      'backward: new consumers read old messages; forward: old consumers new ones',
      oneOf('--compatibility', compatibilities),
      'full',
    )
    .option('--json', 'JSON instead of YAML; of --check, its changes')
    .addHelpText(
      'after',
      examples(
        'celeriac catalogue dist/contracts.js -o asyncapi.yaml',
        'celeriac catalogue dist/contracts.js --check asyncapi.yaml',
      ),
    )
    .action(async (modules: string[], options: CatalogueOptions) => {
      const document = await documentOf(modules, options);
      if (options.check !== undefined) finish(await check(options.check, document, options));
      if (options.output !== undefined) await writeFile(options.output, await written(document, options));
      else if (options.check === undefined) print((await written(document, options)).trimEnd());
    });
}

async function documentOf(modules: readonly string[], options: CatalogueOptions): Promise<unknown> {
  const config = await settings(options);
  const contracts = await eventsOf(modules);
  const title = options.title ?? config.service ?? 'events';
  return catalogueOf(contracts, config, { title, version: options.apiVersion });
}

async function written(document: unknown, { output, json }: CatalogueOptions): Promise<string> {
  if (json === true || output?.endsWith('.json') === true)
    return `${JSON.stringify(document, undefined, 2)}\n`;
  const { stringify } = await import('yaml');
  return stringify(document, { aliasDuplicateObjects: false, singleQuote: true, lineWidth: 0 });
}

/** Resolves with the exit code. */
async function check(
  file: string,
  document: unknown,
  { compatibility, json }: CatalogueOptions,
): Promise<number> {
  const changes = catalogueChanges(await earlier(file), document);
  const counts = (direction: Direction): boolean => compatibility === 'full' || compatibility === direction;
  const isBreaking = ({ breaks }: CatalogueChange): boolean => breaks.some(counts);
  const breaking = changes.filter(isBreaking).length;
  if (json === true) printJson({ compatible: breaking === 0, changes });
  else {
    for (const change of changes) print(printableLines(line(change, isBreaking(change))));
    print(
      breaking === 0
        ? `compatible with ${file}`
        : `not compatible with ${file}: ${breaking} of ${changes.length} changes break it`,
    );
  }
  return breaking === 0 ? exitCodes.done : exitCodes.incompatible;
}

async function earlier(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--check: ${errorText(error)}`);
  }
  const { parse } = await import('yaml');
  try {
    return parse(text) as unknown; // of which JSON is a part
  } catch (error) {
    throw new UsageError(`--check: ${file} is neither YAML nor JSON: ${errorText(error)}`);
  }
}

const whom: Readonly<Record<Direction, string>> = {
  backward: 'new consumers refuse old messages',
  forward: 'old consumers refuse or miss something',
};

function line({ event, path, what, breaks }: CatalogueChange, isBreaking: boolean): string {
  const why = breaks.length === 0 ? '' : ` (${breaks.map((direction) => whom[direction]).join('; ')})`;
  return `${isBreaking ? 'breaks ' : 'fine   '} ${event}${path === undefined ? '' : `: ${path}`} ${what}${why}`;
}
