/** `celeriac status`: the workers that answer, once or again and again. */
import { systemClock } from '@celeriac/core';
import { Command } from 'commander';

import { examples } from '../help.js';
import { showLive } from '../live.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import { addressed, type AddressOptions, ended, withControl } from './addressed.js';
import { nodeLines, statusLines, StatusMemory } from './status-text.js';
import { askWorkers } from './worker-answers.js';

interface StatusOptions extends AddressOptions {
  readonly watch?: boolean;
  readonly interval: string;
}

export function statusCommand(finish: (code: number) => void): Command {
  return addressed(new Command('status'))
    .description('the workers that answer')
    .option('--watch', 'again and again, until Ctrl-C: what they do, and who no longer answers')
    .option('--interval <duration>', 'with --watch: time between two tables', duration('--interval'), '2s')
    .addHelpText('after', examples('celeriac status --timeout 5', 'celeriac status --watch'))
    .action(async (options: StatusOptions) =>
      finish(options.watch === true ? await watchWorkers(options) : await showWorkers(options)),
    );
}

/** Celery's `status`. */
async function showWorkers(options: StatusOptions): Promise<number> {
  const answers = await withControl(options, (control) => control.call('ping', {}, options));
  const nodes = answers.map(({ node }) => node).sort();
  if (options.json === true) printJson(nodes);
  else for (const line of nodeLines(nodes)) print(line);
  return ended(nodes.length, options);
}

async function watchWorkers(options: StatusOptions): Promise<number> {
  const { interval, json = false } = options;
  const memory = new StatusMemory();
  const shown = await withControl(options, (control) =>
    showLive({
      ...{ interval, once: false, json },
      read: async () => memory.hear(await askWorkers(control, options), systemClock.now()),
      show: statusLines,
      toJson: (status) => status,
    }),
  );
  return ended(shown?.workers.length ?? 0, options);
}
