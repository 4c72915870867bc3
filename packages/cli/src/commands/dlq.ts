/** `celeriac dlq`: dead letters, for whoever looks after a service. */
import { type DeadLetterFilter, type DeadLetters, openDeadLetters, systemClock } from '@celeriac/core';
import { Command } from 'commander';

import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { print, printJsonLine } from '../output.js';
import { collect, duration, rate, wholeNumber } from '../parse.js';
import { configSource } from '../settings.js';
import { confirmName } from '../confirm.js';
import { progressLine } from '../progress.js';
import { watchWaiting } from '../waiting.js';
import { letterJson, letterText } from './dlq-letter.js';
import { purgeText, requeueText, summaryJson, summaryTable } from './dlq-text.js';

interface CommonOptions {
  readonly config?: string;
  readonly timeout: string;
  readonly ignoreDeliveryLimit?: boolean;
  readonly json?: boolean;
}

interface FilterOptions extends CommonOptions {
  readonly task?: string;
  readonly reason?: readonly string[];
  readonly id?: readonly string[];
  readonly olderThan?: string;
  readonly newerThan?: string;
  readonly limit?: number;
}

interface MoveOptions extends FilterOptions {
  readonly dryRun?: boolean;
}

interface RequeueOptions extends MoveOptions {
  readonly to?: string;
  readonly rate?: number;
  readonly expires?: string;
  readonly vouch?: boolean;
}

interface SoFar {
  readonly read: number;
  readonly matched: number;
}

interface PurgeOptions extends MoveOptions {
  readonly yes?: string;
}

export function dlqCommand(): Command {
  const command = new Command('dlq').description('dead letters: what is there, put it back, throw it away');
  command.addCommand(listCommand());
  command.addCommand(showCommand());
  command.addCommand(requeueCommand());
  command.addCommand(purgeCommand());
  return command;
}

function listCommand(): Command {
  return common(new Command('list'))
    .description('how many dead letters there are, of which tasks, and why')
    .argument('[queues...]', 'default: the configured task queues, and those of registered applications')
    .option(
      '--scan <count>',
      'so many of each queue are read for the counts',
      wholeNumber('--scan', 0),
      10_000,
    )
    .addHelpText('after', examples('celeriac dlq list', 'celeriac dlq list billing --json'))
    .action(async (queues: string[], options: CommonOptions & { scan: number }) => {
      const named = queues.length === 0 ? undefined : queues;
      const { scan } = options;
      const all = await withDeadLetters(options, (letters) => letters.list(named, { scan }));
      if (options.json === true) for (const one of all) printJsonLine(summaryJson(one));
      else print(summaryTable(all, systemClock.now()));
    });
}

function showCommand(): Command {
  return filters(new Command('show'))
    .description('dead letters one by one, the oldest first; takes nothing away')
    .addHelpText('after', examples('celeriac dlq show billing --reason failed --limit 5'))
    .action(async (queue: string, options: FilterOptions) => {
      const filter = { limit: 20, ...filterOf(options) };
      await withDeadLetters(options, async (letters) => {
        let shown = 0;
        for await (const letter of letters.read(queue, filter)) {
          if (options.json === true) printJsonLine(letterJson(letter));
          else print(`${shown === 0 ? '' : '\n'}${letterText(letter, systemClock.now())}`);
          shown++;
        }
        if (shown === 0 && options.json !== true) print('no dead letters of this kind');
      });
    });
}

function requeueCommand(): Command {
  return filters(new Command('requeue'))
    .description('put dead letters back into the queues they died in; nothing is lost, whatever happens')
    .option('--to <queue>', 'into this queue instead')
    .option('--rate <number/s>', 'so many per second at most, as in 10/s', rate('--rate'))
    .option(
      '--expires <duration>',
      'not to be started later than this from now; default: what is left of their own',
      duration('--expires'),
    )
    .option(
      '--vouch',
      'sign all of them with the configured key, also those whose own signature is not right: look at them first',
    )
    .option('--dry-run', 'change nothing, say what would be done')
    .addHelpText(
      'after',
      examples(
        "celeriac dlq requeue billing --task 'billing.*' --dry-run",
        'celeriac dlq requeue billing --rate 10/s',
      ),
    )
    .action(async (queue: string, options: RequeueOptions) => {
      const { to, rate: ratePerSecond, expires, vouch, dryRun } = options;
      const report = await withDeadLetters(options, (letters, progress) =>
        letters.requeue(queue, filterOf(options), { to, ratePerSecond, expires, vouch, dryRun, progress }),
      );
      if (options.json === true) printJsonLine({ ...report, dryRun: dryRun === true });
      else print(requeueText(report, dryRun === true));
    });
}

function purgeCommand(): Command {
  return filters(new Command('purge'))
    .description('throw dead letters away; all of them only when the name of the queue is given twice')
    .option('--yes <queue>', "the queue's name once more, instead of being asked for it")
    .option('--dry-run', 'change nothing, say what would be done')
    .addHelpText(
      'after',
      examples('celeriac dlq purge billing --older-than 7d', 'celeriac dlq purge billing --yes billing'),
    )
    .action(async (queue: string, options: PurgeOptions) => {
      const filter = filterOf(options);
      const { dryRun = false, yes } = options;
      const isAll = Object.keys(filter).length === 0;
      if (!dryRun && (isAll || yes !== undefined))
        await confirmName(queue, yes, `All dead letters of '${queue}' are thrown away.`);
      const report = await withDeadLetters(options, (letters, progress) =>
        letters.purge(queue, filter, { dryRun, progress }),
      );
      if (options.json === true) printJsonLine({ ...report, dryRun });
      else print(purgeText(report, dryRun));
    });
}

function common(command: Command): Command {
  return command
    .option('--config <file>', 'YAML or JSON; default $CELERIAC_CONFIG, else ./celeriac.yaml')
    .option(
      '--timeout <duration>',
      'how long the broker may take for an answer',
      duration('--timeout'),
      '30s',
    )
    .option('--ignore-delivery-limit', 'the queue has none: see docs/dead-letters.md, RabbitMQ 4.0 to 4.2')
    .option('--json', 'print one JSON object per line; errors as JSON');
}

function filters(command: Command): Command {
  return common(command)
    .argument('<queue>', 'the queue, or its dead-letter queue')
    .option('--task <name>', 'of this task or event type; * stands for any text')
    .option('--reason <reason>', 'as `list` shows it; may be repeated', collect)
    .option('--id <id>', 'may be repeated', collect)
    .option('--older-than <duration>', 'died longer ago, as in 1h', duration('--older-than'))
    .option('--newer-than <duration>', 'died since', duration('--newer-than'))
    .option('--limit <count>', 'so many at most, the oldest first', wholeNumber('--limit', 1));
}

/** Only what was given: an empty filter names everything. */
function filterOf({ task, reason, id, olderThan, newerThan, limit }: FilterOptions): DeadLetterFilter {
  const given = Object.entries({ task, reason, id, olderThan, newerThan, limit });
  const empty = given.find(([, value]) => value === '' || (Array.isArray(value) && value.includes('')));
  // A shell variable that was not set would name other messages than were meant.
  if (empty !== undefined) throw new UsageError(`an empty text names no dead letter (${empty[0]})`);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

async function withDeadLetters<T>(
  { config, timeout, json, ignoreDeliveryLimit = false }: CommonOptions,
  use: (letters: DeadLetters, progress: (soFar: SoFar) => void) => Promise<T>,
): Promise<T> {
  const source = configSource(config === undefined ? {} : { config });
  const waiting = watchWaiting({ isQuiet: json });
  const { logger } = waiting;
  const letters = await openDeadLetters({ config: source, timeout, ignoreDeliveryLimit, logger });
  const line = progressLine({ isQuiet: json });
  try {
    return await use(letters, ({ read, matched }) => line.tell(`${read} read, ${matched} of them meant`));
  } finally {
    line.end();
    waiting.end();
    await letters.close();
  }
}
