/** `celeriac init`: writes a small project that runs. Never overwrites a file unless it is told to. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { packageName, projectFiles } from '../init/files.js';
import { print, printJson } from '../output.js';
import { printable } from '../text.js';
import { version } from '../version.js';

interface InitOptions {
  readonly javascript?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function initCommand(): Command {
  return new Command('init')
    .description('write a small project: contracts, a worker, a sender, a test, and their settings')
    .argument('[directory]', 'made if it is not there; default this one', '.')
    .option('--javascript', 'JavaScript instead of TypeScript')
    .option('--force', 'overwrite its files')
    .option('--json', 'print what was written, or the error, as JSON')
    .addHelpText('after', examples('celeriac init my-service', 'celeriac init --javascript'))
    .action(writeProject);
}

async function writeProject(directory: string, options: InitOptions): Promise<void> {
  const { javascript = false, force = false, json = false } = options;
  const target = resolve(directory);
  const language = javascript ? 'javascript' : 'typescript';
  const files = projectFiles({ name: packageName(basename(target)), language, version });
  const present = [...files.keys()].filter((path) => existsSync(join(target, path)));
  if (present.length > 0 && !force) {
    throw new UsageError(
      `${printable(directory)} has ${present.join(', ')} already: nothing was written. Name another directory, or give --force to overwrite`,
    );
  }
  for (const [path, text] of files) {
    const file = join(target, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  }
  if (json) printJson({ directory: target, files: [...files.keys()] });
  else print(told(directory, [...files.keys()], language === 'typescript'));
}

function told(directory: string, files: readonly string[], isTyped: boolean): string {
  const steps = [
    ...(directory === '.' ? [] : [`cd ${printable(directory)}`]),
    'npm install',
    'npm test',
    'npm run dev',
    `npm run send     # in another terminal${isTyped ? '; npm run watch: in one more, for restarts on changes' : ''}`,
  ];
  return [
    ...['written:', ...files.map((file) => `  ${file}`)],
    ...['', 'next:', ...steps.map((step) => `  ${step}`)],
  ].join('\n');
}
