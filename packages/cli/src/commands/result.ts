/** `celeriac result`, and what `celeriac send --wait` prints: what became of a task. */
import { stringifyJson, systemClock, type Timer } from '@celeriac/core';
import type { AsyncResult } from '@celeriac/publisher';
import { Command } from 'commander';

import { examples } from '../help.js';
import { print } from '../output.js';
import { duration } from '../parse.js';
import { printable, printableJson } from '../text.js';
import { connect } from './connect.js';

interface ResultCommandOptions {
  readonly config?: string;
  readonly wait?: string | true;
  readonly json?: boolean;
}

/** How long `--wait` without a duration waits. */
export const usualWait = '30s';

export function resultCommand(): Command {
  return new Command('result')
    .description('what became of a task: its state, or with --wait what it returned (redis:// only)')
    .argument('<id>', 'id of the task, as send printed it')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--wait [duration]', `wait for the end, as in 10s; default ${usualWait}`, duration('--wait'))
    .option('--json', 'print the state, or the error, as JSON')
    .addHelpText('after', examples('celeriac result 706718a6-11c6-454a-b172-cc2715291a33 --wait 30s'))
    .action(showResult);
}

async function showResult(id: string, options: ResultCommandOptions): Promise<void> {
  const publisher = await connect(options, { isReady: false });
  try {
    await printResult(publisher.result(id), options);
  } finally {
    await publisher.close();
  }
}

/** The value, once there is one; without `wait` the state. Rejects where the task failed. */
export async function printResult(
  result: AsyncResult,
  { wait, json = false }: Pick<ResultCommandOptions, 'wait' | 'json'>,
): Promise<void> {
  if (wait !== undefined) {
    const said = json
      ? undefined
      : sayLater(`waiting for the result of ${printable(result.id)}; Ctrl-C ends the waiting, not the task`);
    const timeout = wait === true ? usualWait : wait;
    const value = await result.result({ timeout }).finally(() => said?.cancel());
    if (!json) {
      print(printableJson(stringifyJson(value ?? null)));
      return;
    }
  }
  const { error, ...status } = await result.status();
  if (error !== undefined) throw error;
  if (json) print(printableJson(stringifyJson(status)));
  else
    print('value' in status ? printableJson(stringifyJson(status.value ?? null)) : printable(status.state));
}

/** On standard error, once a person has begun to wonder. */
function sayLater(text: string): Timer {
  return systemClock.after(2_000, () => void process.stderr.write(`${text}\n`), { ref: false });
}
