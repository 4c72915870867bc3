/** `celeriac config`: checks, prints and describes the configuration. Never connects. */
import { configSchema, loadConfig, printableConfig } from '@celeriac/core';
import { Command } from 'commander';

import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { type ConfigOption, settings } from '../settings.js';

export function configCommand(): Command {
  const command = new Command('config').description('check, print and describe the configuration');
  command
    .command('check')
    .description('report every problem of a file at once')
    .argument('<file>', 'YAML or JSON')
    .option('--json', 'print the result, or the error, as JSON')
    .addHelpText('after', examples('celeriac config check celeriac.yaml'))
    .action(async (file: string, { json }: { json?: boolean }) => {
      const config = await loadConfig(file);
      const { checkSchedules } = await import('@celeriac/worker');
      checkSchedules(config);
      if (json === true) printJson({ ok: true });
      else print('ok');
    });
  command
    .command('print')
    .description('the whole configuration with its defaults; secrets are masked')
    .argument('[file]', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml, else the defaults')
    .option('--json', 'as JSON; default YAML')
    .addHelpText(
      'after',
      examples('celeriac config print', 'CELERIAC_SERVICE=shop celeriac config print --json'),
    )
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const option: ConfigOption = file === undefined ? {} : { config: file };
      const config = printableConfig(await settings(option));
      if (json === true) {
        printJson(config);
        return;
      }
      const { stringify } = await import('yaml');
      print(stringify(config).trimEnd());
    });
  command.addCommand(schemaCommand('celeriac config schema > celeriac.schema.json'));
  return command;
}

/** `celeriac config schema`, and `celeriac schema`. */
export function schemaCommand(example = 'celeriac schema > celeriac.schema.json'): Command {
  return new Command('schema')
    .description('the JSON Schema of the configuration, for editors')
    .option('--json', 'as it is anyway; errors as JSON too')
    .addHelpText('after', examples(example))
    .action(() => printJson(configSchema));
}
