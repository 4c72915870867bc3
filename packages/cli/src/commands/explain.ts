/** `celeriac explain`: what became of a task, and who was asked. */
import { type Explanation, type ExplanationAnswer, explainTask, type TaskPlace } from '@celeriac/core';
import { Command } from 'commander';

import { exitCodes } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration, wholeNumber } from '../parse.js';
import { configSource, type ConfigOption } from '../settings.js';
import { printable } from '../text.js';

interface ExplainCommandOptions extends ConfigOption {
  readonly timeout: string;
  readonly workers: string;
  readonly search?: number | true;
  readonly json?: boolean;
}

/** So many of each queue are looked at, where nothing else is said. */
const usualSearch = 1_000;

export function explainCommand(finish: (code: number) => void): Command {
  return new Command('explain')
    .description('what became of a task: where it is, why, and who was asked')
    .argument('<id>', 'id of the task')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option(
      '--search [count]',
      `look into the queues as well, so many messages each (${usualSearch})`,
      wholeNumber('--search', 1),
    )
    .option('--timeout <duration>', 'how long each server may take to answer', duration('--timeout'), '10s')
    .option('--workers <duration>', 'how long workers have to answer', duration('--workers'), '1s')
    .option('--json', 'print what was found, or the error, as JSON')
    .addHelpText(
      'after',
      `\n--search takes messages in hand and gives them back: workers do without them meanwhile, and they come\nto them marked as delivered before.${examples('celeriac explain 0b6a2f3c-0000-4000-8000-000000000000')}`,
    )
    .action(async (id: string, options: ExplainCommandOptions) => finish(await tell(id, options)));
}

async function tell(id: string, options: ExplainCommandOptions): Promise<number> {
  const { timeout, workers, search: wanted, json = false } = options;
  const search = wanted === undefined ? 0 : wanted === true ? usualSearch : wanted;
  const explanation = await explainTask(id, { config: configSource(options), timeout, workers, search });
  if (json) printJson(explanation);
  else for (const line of explanationLines(explanation)) print(line);
  if (explanation.places.length > 0) return exitCodes.done;
  return explanation.asked.every(({ hasFailed }) => hasFailed) ? exitCodes.unavailable : exitCodes.taskFailed;
}

/** What is known first, then who said so, and who does not know. */
export function explanationLines({ id, places, asked }: Explanation): readonly string[] {
  const name = places.find((place) => place.name !== undefined)?.name;
  const head = `${printable(id)}${name === undefined ? '' : `  ${printable(name)}`}`;
  const known = places.flatMap((place) => [`  ${printable(place.text)}`, ...factLines(place)]);
  const unknown = ['  nobody who was asked knows of it', ...advice(asked)];
  return [head, ...(known.length === 0 ? unknown : known), '', 'asked', ...asked.map(answerLine)];
}

function factLines({ facts }: TaskPlace): readonly string[] {
  const shown = Object.entries(facts).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  return shown.map(
    ([key, value]) => `    ${key}: ${printable(typeof value === 'string' ? value : JSON.stringify(value))}`,
  );
}

function advice(asked: readonly ExplanationAnswer[]): readonly string[] {
  if (asked.some(({ hasFailed }) => hasFailed)) return ['  but not everybody could be asked'];
  const isSearched = !asked.some(
    ({ source, said }) => source === 'queues' && said.startsWith('not looked into'),
  );
  return isSearched
    ? ['  it was never sent, or it has ended and no result is kept']
    : ['  it may wait in a queue: --search looks into them; or it has ended and no result is kept'];
}

function answerLine({ source, said, hasFailed }: ExplanationAnswer): string {
  return `  ${source}: ${hasFailed ? 'could not be asked: ' : ''}${printable(said)}`;
}
