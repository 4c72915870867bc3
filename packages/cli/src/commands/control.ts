/** `celeriac inspect`, `control` and `cancel`: asks workers, Celery's and ours, and tells them. */
import {
  type CancelReport,
  type ControlAnswer,
  controlErrorOf,
  type OpenedRemoteControl,
  systemClock,
} from '@celeriac/core';
import { Command } from 'commander';

import { exitCodes } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import { addressed, type AddressOptions, ended, withControl } from './addressed.js';
import { argumentsOf, methodsOf, type Verbs } from './control-arguments.js';
import { ago, printable } from '../text.js';

interface CancelCommandOptions extends AddressOptions {
  readonly terminate?: boolean;
  readonly signal?: string;
  readonly keep?: string;
}

type Finish = (code: number) => void;

/** Celery's `inspect`: nothing changes. */
export function inspectCommand(finish: Finish): Command {
  return addressed(new Command('inspect'))
    .summary('ask workers: active, stats, query_task and more')
    .description(`ask workers: ${methodsOf('inspect')}; or another method of theirs`)
    .argument('<method>', 'what to ask')
    .argument('[arguments...]', 'ids of tasks for query_task; else name=value, with JSON values')
    .addHelpText(
      'after',
      examples(
        'celeriac inspect active',
        'celeriac inspect query_task 0b6a2f3c-0000-4000-8000-000000000000 --json',
      ),
    )
    .action(async (method: string, words: string[], options: AddressOptions) =>
      finish(await ask('inspect', { method, words, options })),
    );
}

/** Celery's `control`: workers are changed. */
export function controlCommand(finish: Finish): Command {
  return addressed(new Command('control'))
    .summary('tell workers: add_consumer, pool_grow, shutdown and more')
    .description(`tell workers: ${methodsOf('control')}; or another command of theirs`)
    .argument('<command>', 'what to do')
    .argument('[arguments...]', "the command's arguments in Celery's order, or name=value with JSON values")
    .addHelpText(
      'after',
      examples(
        'celeriac control add_consumer billing --destination shop-1@web3',
        "celeriac control pool_grow 2 --pattern 'shop-*'",
      ),
    )
    .action(async (method: string, words: string[], options: AddressOptions) =>
      finish(await ask('control', { method, words, options })),
    );
}

export function cancelCommand(finish: Finish): Command {
  return new Command('cancel')
    .description('cancel tasks that wait, for workers that run now and for those that start later')
    .argument('<ids...>', 'ids of tasks')
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option('--terminate', 'also end those that run')
    .option('--signal <name>', 'what a Python worker ends its process with', 'SIGTERM')
    .option('--keep <duration>', 'remember it so long; default tasks.cancel_expiry', duration('--keep'))
    .option('--timeout <duration>', 'how long to wait for workers to answer', duration('--timeout'), '1s')
    .option('--json', 'print the result, or the error, as JSON')
    .addHelpText('after', examples('celeriac cancel 0b6a2f3c-0000-4000-8000-000000000000 --terminate'))
    .action(async (ids: string[], { terminate, signal, keep, ...options }: CancelCommandOptions) => {
      const { timeout } = options;
      const cancel = (control: OpenedRemoteControl): Promise<CancelReport> =>
        control.cancel(ids, { terminate, signal, keep, timeout });
      finish(tellCancelled(await withControl(options, cancel), options));
    });
}

interface Asked {
  readonly method: string;
  readonly words: readonly string[];
  readonly options: AddressOptions;
}

async function ask(verbs: Verbs, { method, words, options }: Asked): Promise<number> {
  const { args, isCast } = argumentsOf(verbs, { method, words });
  if (isCast) {
    await withControl(options, (control) => control.cast(method, args, options));
    if (options.json !== true) print(`${method} was sent; workers do not answer it`);
    else printJson({ sent: method });
    return exitCodes.done;
  }
  const answers = await withControl(options, (control) => control.call(method, args, options));
  if (options.json === true) printJson(answers);
  else for (const answer of answers) printAnswer(answer);
  return answers.some(({ value }) => controlErrorOf(value) !== undefined)
    ? exitCodes.software
    : ended(answers.length, options);
}

/** As `celery inspect` prints it, more or less: the node, then what it said. */
function printAnswer({ node, value }: ControlAnswer): void {
  const error = controlErrorOf(value);
  print(`${printable(node)}: ${error === undefined ? 'OK' : `ERROR ${printable(error)}`}`);
  if (error !== undefined) return;
  for (const line of linesOf(value)) print(`  ${printable(line)}`);
}

function linesOf(value: unknown): readonly string[] {
  if (typeof value === 'object' && value !== null && 'ok' in value) return linesOf(value.ok);
  if (typeof value === 'string') return value.split('\n');
  if (Array.isArray(value) && value.length === 0) return ['- empty -'];
  if (Array.isArray(value) && value.every((one) => typeof one === 'string'))
    return value.map((one) => `* ${one}`);
  return JSON.stringify(value, bigints, 2).split('\n');
}

/** JSON of JavaScript has none. */
function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function tellCancelled(report: CancelReport, { json }: AddressOptions): number {
  const { ids, workers, refused, until } = report;
  const code = workers.length > 0 && refused.length === 0 ? exitCodes.done : exitCodes.unavailable;
  if (json === true) {
    printJson(report);
    return code;
  }
  const what = ids.length === 1 ? printable(ids[0] ?? '') : `${ids.length} tasks`;
  print(
    workers.length === 0
      ? `${what}: no worker heard it`
      : `${what}: cancelled at ${workers.length} worker${workers.length === 1 ? '' : 's'} (${workers.map(printable).join(', ')})`,
  );
  print(
    `  workers that start within ${ago(until.getTime() - systemClock.now())} will know; Python workers will not`,
  );
  for (const { worker, error } of refused) print(`  ${printable(worker)} refused: ${printable(error)}`);
  return code;
}
