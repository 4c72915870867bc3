/** `celeriac queues` and `celeriac purge`: how full the configured queues are, and a way to empty one. */
import { openQueues, type QueueReport, type Queues, systemClock } from '@celeriac/core';
import { Command } from 'commander';

import { confirmName } from '../confirm.js';
import { UsageError } from '../exit-codes.js';
import { examples } from '../help.js';
import { showLive } from '../live.js';
import { print, printJson } from '../output.js';
import { duration } from '../parse.js';
import type { Line, Room } from '../screen.js';
import { configSource, type ConfigOption } from '../settings.js';
import { printable } from '../text.js';
import { watchWaiting } from '../waiting.js';
import { queueLines } from './queues-text.js';

interface CommonOptions extends ConfigOption {
  readonly timeout: string;
  readonly json?: boolean;
}

interface ListOptions extends CommonOptions {
  readonly all?: boolean;
  readonly watch?: boolean;
  readonly interval: string;
}

interface PurgeOptions extends CommonOptions {
  readonly yes?: string;
  readonly dryRun?: boolean;
}

export function queuesCommand(): Command {
  return common(new Command('queues'))
    .description('how full the queues of the configuration are, and who consumes them')
    .argument('[queues...]', 'default: all of the configuration, with dead-letter and delay queues')
    .option('--all', 'empty delay queues as well')
    .option('--watch', 'again and again, until Ctrl-C')
    .option('--interval <duration>', 'with --watch: time between two tables', duration('--interval'), '2s')
    .addHelpText('after', examples('celeriac queues', 'celeriac queues billing mail --watch'))
    .action(listQueues);
}

async function listQueues(names: string[], options: ListOptions): Promise<void> {
  const { all: isAll = false, watch = false, json = false, interval } = options;
  const named = names.length === 0 ? undefined : names;
  await withQueues(options, async (queues, said) => {
    const read = (): Promise<readonly QueueReport[]> => queues.list(named).finally(said);
    if (json && !watch) printJson(await read());
    else {
      const show = (reports: readonly QueueReport[], room?: Room): readonly Line[] =>
        watch
          ? [...moment(), ...queueLines({ reports, isAll }, roomLeft(room))]
          : queueLines({ reports, isAll });
      await showLive({ interval, once: !watch, json, read, show, toJson: (reports) => reports });
    }
  });
}

/** A broker that does not answer leaves the last table standing: its age has to be seen. */
function moment(): readonly Line[] {
  return [{ text: new Date(systemClock.now()).toISOString(), tone: 'faint' }, { text: '' }];
}

function roomLeft(room: Room | undefined): Room | undefined {
  return room === undefined ? undefined : { ...room, height: room.height - moment().length };
}

export function purgeCommand(): Command {
  return common(new Command('purge'))
    .description('throw away all messages that wait in a queue; those that workers hold stay with them')
    .argument('<queue>', 'its name')
    .option('--yes <queue>', "the queue's name once more, instead of being asked for it")
    .option('--dry-run', 'change nothing, say how many it would be')
    .addHelpText(
      'after',
      examples('celeriac purge billing --dry-run', 'celeriac purge billing --yes billing'),
    )
    .action(purgeQueue);
}

async function purgeQueue(queue: string, options: PurgeOptions): Promise<void> {
  const { yes, dryRun = false, json = false } = options;
  mustAgree(queue, options);
  await withQueues(options, async (queues, said) => {
    const waiting = await queues.count(queue).finally(said);
    const what = `${waiting} ${waiting === 1 ? 'message' : 'messages'}`;
    if (!dryRun)
      await confirmName(queue, yes, `${what} of '${printable(queue)}' would be thrown away for good.`);
    const purged = dryRun ? waiting : await queues.purge(queue);
    if (json) printJson({ queue, purged, dryRun });
    else print(`${purged} ${dryRun ? 'would be thrown' : 'thrown'} away from ${printable(queue)}`);
  });
}

/** Before anything connects. */
function mustAgree(queue: string, { yes, dryRun }: PurgeOptions): void {
  if (yes !== undefined && yes !== queue)
    throw new UsageError(`--yes names '${yes}', not '${queue}': nothing was done`);
  if (yes === undefined && dryRun !== true && !process.stdin.isTTY)
    throw new UsageError(`nobody can be asked here: give --yes ${queue}, or --dry-run`);
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
    .option('--json', 'print the result, or the error, as JSON');
}

/** `said`: the broker has answered, and nobody has to be told what is waited for. */
async function withQueues(
  { timeout, json, ...options }: CommonOptions,
  use: (queues: Queues, said: () => void) => Promise<void>,
): Promise<void> {
  const waiting = watchWaiting({ isQuiet: json });
  const { logger, end } = waiting;
  try {
    await using queues = await openQueues({ config: configSource(options), timeout, logger });
    await use(queues, end);
  } finally {
    end();
  }
}
